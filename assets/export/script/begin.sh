set -eu
umask 022
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

if [ "${1:-}" != --disposable ]; then
    cat >&2 <<TEXT
This script changes the machine that it runs on: as root it mounts, makes links and control groups, and starts processes.
It takes all of that away when it ends, but a mistake of root's has no bounds. So run it in a virtual machine that you can
throw away, and say so:

    sh $0 --disposable              build it, and be in a shell inside; what was built goes when you leave
    sh $0 --disposable COMMAND ...  build it, and run one command inside
TEXT
    exit 2
fi
shift
if [ "$(id -u)" != 0 ]; then
    echo "$0: this takes root" >&2
    exit 1
fi
for program in ip ldd mkfifo mktemp mount nsenter pgrep pivot_root timeout unshare; do
    command -v "$program" > /dev/null || {
        echo "$0: this machine has no $program" >&2
        exit 1
    }
done

# All mounts are made in a mount namespace that ends with this script: none of them is the machine's. (unshare becomes the
# new sh: the PID stays.)
if [ "${UNBOXED_MOUNTS_OF:-}" != $$ ]; then
    UNBOXED_MOUNTS_OF=$$ exec unshare --mount --propagation slave sh "$0" --disposable "$@"
fi

work=$(mktemp -d /tmp/unboxed.XXXXXX)
processes='' links='' groups='' enabled='' image='' forwarding='' nat=''
clean_up() {
    status=$?
    trap - EXIT
    set +ev
    # shellcheck disable=SC2086  # They are words.
    [ -z "$processes" ] || kill -KILL $processes 2> /dev/null
    wait 2> /dev/null
    for link in $links; do ip link delete "$link"; done 2> /dev/null
    # A group can go when the last of its processes is gone.
    for group in $groups; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            [ -e "$group" ] || break
            rmdir "$group" 2> /dev/null || sleep 0.2
        done
    done
    for controller in $enabled; do echo "-$controller" > /sys/fs/cgroup/cgroup.subtree_control; done
    [ -z "$nat" ] || nft delete table ip unboxed
    [ -z "$forwarding" ] || echo "$forwarding" > /proc/sys/net/ipv4/ip_forward
    if [ -n "$image" ]; then
        cd /
        umount --lazy /image && rmdir /image
    fi
    rm -r "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAME COMMAND...: starts a shell by COMMAND, which waits for lines. Its PID is $started then.
start() {
    name=$1
    shift
    mkfifo "$work/$name.lines" "$work/$name.answers"
    "$@" <> "$work/$name.lines" 9<> "$work/$name.answers" &
    waiting=$!
    processes="$processes $waiting"
    echo : | in_shell "$name"
    # unshare forks: the shell is its child.
    started=$(pgrep -P "$waiting" || echo "$waiting")
    processes="$processes $started"
}

# in_shell NAME: has the shell NAME carry out the lines of standard input, one by one.
in_shell() {
    while IFS= read -r line; do
        # shellcheck disable=SC2016  # It is the other shell's status.
        printf '%s\necho $? >&9\n' "$line" > "$work/$1.lines"
        answer=$(timeout 30 head -n 1 "$work/$1.answers") || answer='no answer'
        [ "$answer" = 0 ] || {
            echo "$0: in $1 this failed ($answer): $line" >&2
            exit 1
        }
    done
}

# What is made here was not there before, and is taken away at the end.
refuse() {
    echo "$0: $1 is there already" >&2
    exit 1
}
will_make_link() {
    ! ip link show "$1" > /dev/null 2>&1 || refuse "the link $1"
    links="$links $1"
}
will_make_group() {
    for directory; do
        [ ! -e "$directory" ] || refuse "$directory"
        groups="$groups $directory"
    done
}
