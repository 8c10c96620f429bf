# hand_down CONTROLLER...: in version 2 a group hands its controllers down to the groups below it when it is told to.
hand_down() {
    for controller; do
        grep -qw "$controller" /sys/fs/cgroup/cgroup.subtree_control || {
            echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
            enabled="$enabled $controller"
        }
    done
}
