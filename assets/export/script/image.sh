# The image: two layers, made of this machine's own programs and the libraries that they load. They and all other files lie
# in memory, at places that nobody else sees.
[ ! -e /image ] || refuse /image
mkdir /image
image=made
mount -t tmpfs image /image
mount -t tmpfs root /root

# path_of PROGRAM: where its file is; nothing where there is none.
path_of() (
    IFS=:
    for directory in $PATH; do
        if [ -x "$directory/$1" ]; then
            echo "$directory/$1"
            break
        fi
    done
)

# take LAYER PROGRAM...
take() {
    layer=/image/$1
    shift
    for program; do
        path=$(path_of "$program")
        for file in $path $(ldd "$path" 2> /dev/null | grep -o '/[^ ]*'); do
            copy=$layer/usr${file#/usr}
            mkdir -p "${copy%/*}"
            [ -e "$copy" ] || cp -L "$file" "$copy"
        done
    done
}
for directory in dev etc home mnt proc root run sys tmp usr/bin usr/lib usr/lib64 usr/sbin var; do
    mkdir -p "/image/base/$directory"
done
for name in bin lib lib64 sbin; do ln -s "usr/$name" "/image/base/$name"; done
echo image > /image/base/etc/hostname
echo 'NAME="unboxed image"' > /image/base/etc/os-release
printf '127.0.0.1 localhost\n::1 localhost\n' > /image/base/etc/hosts
printf 'root:x:0:0:root:/root:/bin/sh\n' > /image/base/etc/passwd
printf 'root:x:0:\n' > /image/base/etc/group
take base sh cat cp dd echo env head id ln ls mkdir mv rm rmdir seq sleep tail tee test touch true uname wc
take tools hostname ip mount nsenter ping pivot_root ps umount unshare
