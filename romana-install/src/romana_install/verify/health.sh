# shellcheck shell=sh
# Whether a node can work, asked of a POSIX shell there by whoever logs in: one fact a line, `name value`. It changes
# nothing. $sudo: how root is reached; empty for root itself. $password: what sudo is to read; empty for nothing.
# shellcheck disable=SC2154
: "$sudo" "$password"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

echo "clock $(date +%s.%N)"

# Where services write; what is no file system of its own counts for the one that it is on.
for place in / /tmp /var /var/log /var/lib/mysql /var/lib/rabbitmq /var/lib/glance/images /var/lib/nova/instances; do
    [ -d $place ] || continue
    echo "disk $(df -k --output=avail,ipcent,target $place | tail -n 1)"
    echo "read-only $(findmnt -rn -O ro -o TARGET -T $place)"
done

# Services that may be active and yet work for nobody. Each has a minute to answer, at the same time as the others:
# what asks RabbitMQ is a program of Erlang's, which an emulated processor takes 20 seconds to start.
ask() {
    unit=$1
    shift
    systemctl -q is-active "$unit" || return
    # shellcheck disable=SC2086 # words of a command
    said=$(printf '%s\n' "$password" | timeout 60 $sudo sh -c 'echo asked; exec "$@" 2>&1' - "$@" 2>/dev/null)
    [ $? = 124 ] && said=$(echo "$said" | head -n 1) # what it says of being ended is of no use
    # Who does not become root has not asked.
    case $said in asked*) echo "part $unit $(echo "$said" | tail -n +2 | tr '\n' ' ')" ;; esac
}
ask rabbitmq-server rabbitmq-diagnostics -q check_local_alarms &
ask mariadb mariadb -Nse 'select @@global.read_only' &
# shellcheck disable=SC2016
ask memcached bash -c 'exec 3<>/dev/tcp/127.0.0.1/11211; echo version >&3; read -r line <&3; echo "$line"' &
wait
