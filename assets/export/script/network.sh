# The bridge, as docker makes it where docker is installed; and the way from there to the world: this machine forwards, and
# puts its own address in the place of the sender's.
if ! ip link show docker0 > /dev/null 2>&1; then
    will_make_link docker0
    ip link add docker0 type bridge
    ip address add 172.17.0.1/16 dev docker0
    ip link set docker0 up
    if command -v nft > /dev/null && nft add table ip unboxed; then
        nat=made
        nft add chain ip unboxed out '{ type nat hook postrouting priority 100; }'
        nft add rule ip unboxed out ip saddr 172.17.0.0/16 oifname != docker0 masquerade
    fi
    before=$(cat /proc/sys/net/ipv4/ip_forward)
    if [ "$before" != 1 ]; then
        forwarding=$before
        echo 1 > /proc/sys/net/ipv4/ip_forward
    fi
fi
