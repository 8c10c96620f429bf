# The container build as a shell script: what a person types, with a program per step. Runs inside namespaces of its own
# (`unshare -Urmnuipf`), which play the host. The argument is a root file system.
set -e
rootfs=$1
mount -t tmpfs none /mnt
mkdir /mnt/container
cp -r --preserve=mode,links "$rootfs/." /mnt/container
ip link add docker0 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
mkfifo /mnt/ready /mnt/done
cat > /mnt/inside.sh <<'INSIDE'
set -e
hostname box
echo $$ > /mnt/ready
read _ < /mnt/done
mount --bind /mnt/container /mnt/container
cd /mnt/container
mkdir oldroot
pivot_root . oldroot
cd /
mount -t proc none /proc
umount -l /oldroot
rmdir /oldroot
ip link set lo up
ip link set c0 name eth0 up
ip addr add 172.17.42.3/16 dev eth0
ip route add default via 172.17.0.1
ping -c 1 -W 1 172.17.0.1
INSIDE
unshare --mount --uts --ipc --net --pid --fork sh /mnt/inside.sh &
read _ < /mnt/ready
ip link add h0 type veth peer name c0
ip link set c0 netns "$!"
ip link set h0 master docker0 up
echo > /mnt/done
wait "$!"
