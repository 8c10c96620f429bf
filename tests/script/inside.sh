# What must hold inside the container that the script of lesson 2 builds. Says what does not; then waits for a line, so that
# somebody can look from outside.
failed=0
expect() { # WHAT WANTED SEEN
    [ "$2" = "$3" ] || {
        echo "$1: expected \`$2\`, seen \`$3\`"
        failed=1
    }
}
list() {
    for word; do printf '%s ' "$word"; done
}

expect 'the mounts' '/ tmpfs /proc proc ' \
    "$(while read -r _ target type _; do list "$target" "$type"; done < /proc/self/mounts)"
expect 'the host name' box "$(hostname)"
expect 'PID 1' sh "$(cat /proc/1/comm)"
expect 'the old root' absent "$([ -e /oldroot ] && echo there || echo absent)"
expect 'the links' 'lo eth0 ' "$(cd /proc/net && tail -n +3 dev | while read -r name _; do list "${name%%:*}"; done)"
ping -c 1 -W 2 172.17.0.1 || failed=1

echo "looked: $failed"
read -r _
exit "$failed"
