"""Everything of a server that must be after an uninstallation what it was before the installation."""

from __future__ import annotations

from servers import Server

DIRECTORIES = "/etc /home /opt /root /srv /usr/local /var -xdev"
# What any login, boot or user that comes and goes leaves.
VOLATILE = (
    "-not -path '/var/lib/systemd*' -not -path '/var/log/*' -not -path '/var/tmp/*' -not -path '/var/cache/*'"
    " -not -path '/var/lib/apt/*' -not -path '/var/lib/dpkg/*'"
    " -not -path '*/.cache/python-entrypoints/*'"
    " -not -name ld.so.cache -not -regex '/etc/\\(passwd\\|shadow\\|group\\|gshadow\\|subuid\\|subgid\\)-'"
)
COMMANDS = {
    "links": "ip -d link",
    "addresses": "ip addr | grep -v valid_lft",
    "routes": "ip route show table all; ip -6 route show table all",
    "rules": "ip rule; ip -6 rule",
    "neighbours": "ip neigh show proxy",
    "nft": "nft --stateless list ruleset",
    "sysctls": "sysctl --all --pattern '^net\\.' 2>/dev/null | grep -v nf_conntrack_count",
    "units": "systemctl list-units --type=service --plain --no-legend | awk '{print $1, $3, $4}'"
    " | grep -Ev '^(user|session|systemd-(tmpfiles-clean|hostnamed|timedated))'",
    "unit files": "systemctl list-unit-files --no-legend",
    "listening": 'cat /proc/net/tcp /proc/net/udp | awk \'$4 == "0A" || $4 == "07" {print $2}\' | sort',
    "files": f"find {DIRECTORIES} {VOLATILE} -type f -exec sha256sum {{}} +",
    "names": f"find {DIRECTORIES} /run/romana {VOLATILE} -printf '%p %M %U:%G %l\\n' 2>/dev/null | sort",
    "accounts": "cat /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/hosts",
}
# What an image with OpenStack's packages has beforehand, as servers of these tests have no mirror to build it from; and
# what services keep in their data directories, which came with their packages.
SERVICES_OWN = ("/var/lib/romana", "/usr/local/lib/romana", "/var/lib/mysql", "/var/lib/rabbitmq")


def state(server: Server) -> dict[str, list[str]]:
    """What each command says, by what it is about, in lines."""
    return {name: server.shell(f"{command}; true").splitlines() for name, command in COMMANDS.items()}


def difference(
    before: dict[str, list[str]], now: dict[str, list[str]], without: tuple[str, ...]
) -> dict[str, list[str]]:
    """Lines that only one of two states has, by what they are about. without: paths that are not compared."""
    odd = {what: set(lines) ^ set(now[what]) for what, lines in before.items()}
    kept = {
        what: sorted(line for line in lines if not any(path in line for path in without)) for what, lines in odd.items()
    }
    return {what: lines for what, lines in kept.items() if lines}
