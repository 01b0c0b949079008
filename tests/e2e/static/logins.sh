#!/bin/sh
# Runs first in the namespaces that unshare has made for it: what there is in them. They end with it.
# usage: logins.sh DIRECTORY IMAGE SUBNET; the image as overlay has it: directories, each laid over the next
set -eu
directory=$1 image=$2 subnet=$3
mount -t tmpfs tmpfs "$directory"
cd "$directory"
mkdir upper work root home home/.ssh
chmod 700 home/.ssh
mount -t overlay -o "lowerdir=$image,upperdir=$directory/upper,workdir=$directory/work" overlay root
mount -t proc proc root/proc
mount --bind /dev root/dev
mkdir -p root/run/sshd
# ssh finds its user's files by the home in passwd, and not by $HOME.
sed "s,^\(root:[^:]*:[^:]*:[^:]*:[^:]*\):[^:]*:,\1:$directory/home:," /etc/passwd >passwd
mount --bind passwd /etc/passwd
for shell in fish tcsh; do chroot root useradd --create-home --shell /usr/bin/$shell $shell; done
chroot root useradd --create-home --shell /usr/sbin/nologin nobodys
for user in debian fish tcsh nobodys; do chroot root usermod --password '*' $user; done
ip link set lo up
ip address add "$subnet.1/24" dev lo
# Of 96 to 111 nobody hears, and to 80 to 95 there is no way.
nft add table inet lab
nft 'add chain inet lab input { type filter hook input priority 0; }'
nft add rule inet lab input ip daddr "$subnet.96/28" drop
ip route add unreachable "$subnet.80/28" table local
ssh-keygen -q -t ed25519 -N '' -f key
ssh-keygen -q -t ed25519 -N '' -f other
ssh-keygen -q -t ed25519 -N secret -f locked
cat key.pub locked.pub >root/etc/ssh/keys
touch ready
exec sleep infinity
