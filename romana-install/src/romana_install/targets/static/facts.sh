# shellcheck shell=sh
# What a server is, asked of a POSIX shell there by whoever logs in: one fact a line, `name value`. It changes nothing.
# $sudo: how root is reached; empty for root itself. $password: what sudo is to read; empty for nothing.
# shellcheck disable=SC2154
: "$sudo" "$password"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

each() { while IFS= read -r line; do echo "$1 $line"; done; }

echo "time $(date +%s)"
echo "name $(uname -n)"
echo "arch $(uname -m)"
each machine </etc/machine-id
# shellcheck source=/dev/null
(. /etc/os-release && echo "os ${ID:-} ${VERSION_ID:-}")
python=/usr/bin/python3
[ -x $python ] && echo "python $($python -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
[ -d /run/systemd/system ] && echo "systemd yes"
while read -r name figure _; do
    case $name in MemAvailable: | SwapFree:) echo "memory $figure" ;; esac
done </proc/meminfo
for directory in / /etc /opt /usr /var; do
    df -Pk $directory | tail -n 1 | { read -r device _ _ free _ mount && echo "disk $free $mount $device"; }
done
each route </proc/net/route
each trie </proc/net/fib_trie
cat /etc/resolv.conf /run/systemd/resolve/resolv.conf 2>/dev/null | each resolver
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | each socket
[ -e /etc/romana/ca.pem ] && echo "authority $(sha256sum </etc/romana/ca.pem | cut -d ' ' -f 1)"
cat /etc/ssh/ssh_host_*_key.pub 2>/dev/null | each hostkey
[ -r /etc/romana/ca.pem ] && each certificate </etc/romana/ca.pem
as_root() { if [ -z "$sudo" ]; then "$@" </dev/null; else printf '%s\n' "$password" | $sudo -- "$@"; fi; }
said=$(as_root id -u 2>&1) || echo "sudo $(echo "$said" | tail -n 1)"

# Packet filters, as their programs list them.
as_root nft --json list ruleset 2>/dev/null | each nft
as_root iptables-nft-save 2>/dev/null | each iptables
as_root iptables-legacy-save 2>/dev/null | each legacy

# What an installation puts here and its removal takes away: the collection's roles, from romana_base to packages.
for path in /opt/romana /etc/romana /var/lib/romana /var/lib/romana-server /usr/local/bin/romana \
    /etc/systemd/system/romana-agent.service /etc/systemd/system/romana-server.service \
    /var/lib/romana-originals /var/lib/romana-brought-packages; do
    if [ -e $path ] || [ -L $path ]; then echo "left $path"; fi
done
grep -qs '^# BEGIN romana$' /etc/hosts && echo "left names of nodes in /etc/hosts"
[ -e /sys/class/net/romana-gw ] && echo "left the interface romana-gw"
[ -z "$(ip -4 route show table all proto 82 2>/dev/null)" ] || echo "left routes"
as_root nft list tables 2>/dev/null | grep -q ' romana$' && echo "left nft's table romana"
echo "end"
