"""What ssh says when it does not get into a server, as one sentence with what to do about it. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

# What ssh says when the command that was to lead to the server has ended: why, that command has said before.
ENDED = "Connection closed by UNKNOWN port 65535"
AFTERMATH = re.compile(
    rf"^({ENDED}|kex_exchange_identification: .*|stdio forwarding failed"
    r"|Host key verification failed\.|Pseudo-terminal will not be allocated .*|@+|\*\* .*)?\s*$"
)
NOTHING = "no answer"


@dataclass(frozen=True)
class Key:
    """A private key that ssh would try. state: what keeps ssh from using it; empty for nothing.

    One of: missing, open (others may read it), locked (it has a passphrase that nobody types), unusable (not a key).
    """

    path: str
    state: str = ""


@dataclass(frozen=True)
class Hop:
    """Something that ssh logs in to on its way."""

    host: str
    user: str = ""
    port: int = 22

    @classmethod
    def parsed(cls, text: str) -> Hop:
        """From [user@]host[:port], as ProxyJump has it; also with ssh:// before it."""
        user, _, place = text.removeprefix("ssh://").rpartition("@")
        host, separator, port = place.rpartition(":")
        if not separator or (":" in host and not host.endswith("]")):  # no port after it
            host, port = place, "22"
        return cls(host.strip("[]"), user, int(port))

    def __str__(self) -> str:
        """For people."""
        return f"{self.user}{'@' * bool(self.user)}{self.host}{f':{self.port}' * (self.port != 22)}"

    @property
    def known(self) -> str:
        """Its name in known_hosts."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


@dataclass(frozen=True)
class Way:
    """How ssh goes to a server.

    server: the server itself; keys: what it would try, in its order; known_hosts: the file of host keys; jumps: what it
    passes, in this order, as far as ssh tells; proxied: whether it passes something; own: whether our configuration
    says so, and not the user's; named: whether the inventory says which key; agent: whether an agent runs.
    """

    server: Hop
    keys: tuple[Key, ...] = ()
    known_hosts: str = "~/.ssh/known_hosts"
    jumps: tuple[Hop, ...] = ()
    proxied: bool = False
    own: bool = False
    named: bool = False
    agent: bool = False

    def to(self, hop: Hop) -> Way:
        """The way to something on this way."""
        if hop not in self.jumps:
            return self
        before = self.jumps[: self.jumps.index(hop)]
        return replace(self, server=hop, jumps=before, proxied=bool(before))

    @property
    def known_hosts_words(self) -> list[str]:
        """For ssh's command line, when its usual file is not the one."""
        usual = self.known_hosts == "~/.ssh/known_hosts"
        path = self.known_hosts.replace("%", "%%")
        path = f'"{path}"' if " " in path else path
        return [] if usual else ["-o", f"UserKnownHostsFile={path}"]

    def by_hand(self, *words: str, program: str = "ssh") -> str:
        """A command for the user's shell that goes the same way. words: more of its options."""
        key = ["-i", self.keys[0].path] if self.named and self.keys else []
        options = [*key, *self.known_hosts_words]
        jump = self.jumps[-1] if self.own and self.jumps else None
        by: list[str] = []
        if jump and options:  # which -J does not hand on
            by = ["-o", f"ProxyCommand={shlex.join(['ssh', *options, '-W', '[%h]:%p', f'ssh://{jump}'])}"]
        elif jump:
            by = ["-J", str(jump)]
        port = ["-p", str(self.server.port)] if self.server.port != 22 else []
        target = f"{self.server.user}@{self.server.host}" if self.server.user else self.server.host
        return shlex.join([program, *words, *options, *by, *port, target])


def sentence(said: str, way: Way) -> str:
    """What is wrong and what to do, for the user.

    Args:
        said: what ssh printed on its standard error, at its LogLevel INFO or above.
        way: how it went; keys have to be looked at only when it was not let in.
    """
    for pattern, explain in CASES:
        if match := pattern.search(said):
            return explain(match, way)
    return f"cannot be reached: {last_words(said)}; try: {way.by_hand()}"


def is_denial(said: str) -> bool:
    """Whether it is a matter of keys."""
    return DENIED.search(said) is not None


def last_words(said: str) -> str:
    """The last line that tells something."""
    lines = [line.strip() for line in said.splitlines()]
    telling = [line for line in lines if not AFTERMATH.match(line)]
    return (telling or [line for line in lines if line] or [NOTHING])[-1]


def _name(hop: Hop, way: Way) -> str:
    return "" if hop == way.server else f"the bastion {hop} "


def _hop(host: str, way: Way, port: str = "") -> Hop:
    """What a host in ssh's words is: something on the way, or the server."""
    place = Hop.parsed(f"{host}:{port}" if port else host)
    places = [*way.jumps, way.server]
    return next(
        (hop for hop in places if (hop.host, hop.port) == (place.host, place.port)),
        next((hop for hop in places if hop.host == place.host), way.server),
    )


def _config(match: re.Match[str], _: Way) -> str:
    return f"ssh cannot use its configuration: {match[1].strip()}; correct that"


def _config_owner(match: re.Match[str], _: Way) -> str:
    return f"ssh does not read {match[1]}, as others may write it; run: chmod 600 {shlex.quote(match[1])}"


def _changed(match: re.Match[str], way: Way) -> str:
    hop = _hop(match["host"], way)
    file, _, line = _offending(match.string).rpartition(":")
    file = file or way.known_hosts
    remove = f"ssh-keygen -R {shlex.quote(hop.known)} -f {_path(file)}"
    what = f"{_name(hop, way)}has another host key than the one in {file}{f' (line {line})' * bool(line)}"
    fix = f"if that is right, as after an installation anew: {remove}, and then: {_enter(hop, replace(way))}"
    return f"{what}; somebody else may answer in its place; {fix}"


def _offending(said: str) -> str:
    match = re.search(r"^Offending .*key in (.+:\d+)\s*$", said, re.MULTILINE)
    return match[1] if match else ""


def _unknown(match: re.Match[str], way: Way) -> str:
    hop = _hop(match["host"], way)
    whose = f"the host key of {_name(hop, way).strip()}" if _name(hop, way) else "its host key"
    return f"{whose} is not in {way.known_hosts}; enter it, and compare it with the server's own: {_enter(hop, way)}"


def _enter(hop: Hop, way: Way) -> str:
    """The command that enters a host key."""
    to = way.to(hop)
    if to.proxied:  # ssh-keyscan knows no way but the direct one
        return to.by_hand("-o", "StrictHostKeyChecking=ask") + " true"
    return f"ssh-keyscan -p {hop.port} {hop.host} >>{_path(way.known_hosts)}"


def _path(path: str) -> str:
    return path if path.startswith("~/") and shlex.quote(path[2:]) == path[2:] else shlex.quote(path)


def _unresolved(match: re.Match[str], way: Way) -> str:
    hop = _hop(match["host"], way)
    setting = "ansible_host" if hop == way.server else "ssh_jump, or HostName in ~/.ssh/config"
    name = _name(hop, way)
    return f"{name}cannot be found: no name server knows {match['host']}; give its address as {setting}"


def _not_connected(match: re.Match[str], way: Way) -> str:
    hop = _hop(match["host"], way, match["port"])
    return _no_connection(hop, _name(hop, way), match["why"].strip(), "", way)


def _no_connection(hop: Hop, name: str, why: str, by: str, way: Way) -> str:
    port = hop.port
    seen_from = by or "here"
    if "refused" in why:
        setting = "ansible_port" if hop == way.server else "the port in ssh_jump"
        text = f"{name}is there, but nothing listens on its port {port}"
        return f"{text}{f', says {by}' * bool(by)}; start sshd on it, or correct {setting}"
    if "timed out" in why:
        fix = f"see that it is on, that its address is right, and that no firewall drops port {port}"
        return f"{name}does not answer on port {port} of {hop.host}{f', says {by}' * bool(by)}; {fix}"
    if "No route" in why or "unreachable" in why or why == "open failed":  # which is all that a bastion says of it
        fix = f"see that it is on, and what leads to it from {seen_from}: ip route get {hop.host}"
        return f"{name}cannot be reached from {seen_from} ({why}); {fix}"
    return f"{name}cannot be reached from {seen_from}: {why}; try: {way.to(hop).by_hand()}"


def _silent(_: re.Match[str], way: Way) -> str:
    if way.proxied:  # which has its own, shorter, patience, and says so
        by = f"the bastion {way.jumps[-1]}" if way.jumps else "what ssh goes by"
        return _no_connection(way.server, "", "timed out", by, way)
    fix = "see how busy it is, and whether it is sshd that listens there"
    return f"port {way.server.port} of {way.server.host} is open, but no sshd answers in time; {fix}"


def _closed(match: re.Match[str], way: Way) -> str:
    at = f"port {way.server.port} of {way.server.host}"
    fix = (
        "see whether it is sshd that listens there, and its log: journalctl -u ssh; after failed logins, wait a minute"
    )
    return f"{at} is open, but what answers ends the connection at once ({match[1].strip()}); {fix}"


def _denied(match: re.Match[str], way: Way) -> str:
    hop = _hop(match["host"], way)
    user, name = match["user"], _name(hop, way)
    refused = f"{name}does not let {user} in" if name else f"{user} may not log in"
    for key in way.keys:
        if text := _key_trouble(key, way):
            return f"{refused}: {text}"
    tried = way.keys[0].path if way.keys else "a key that ssh finds"
    return f"{refused} with {tried}; {_admission(hop, user, match['methods'].split(','), way)}"


def _key_trouble(key: Key, way: Way) -> str:
    path = shlex.quote(key.path)
    setting = "ansible_ssh_private_key_file" if way.named else "IdentityFile in ~/.ssh/config"
    if key.state == "missing":
        return f"the key {key.path} is not there; correct {setting}, or make it: ssh-keygen -t ed25519 -f {path}"
    if key.state == "open":
        return f"ssh does not use the key {key.path}, as others may read it; run: chmod 600 {path}"
    if key.state == "locked":
        start = "" if way.agent else 'eval "$(ssh-agent)" && '
        return f"the key {key.path} has a passphrase, and no agent holds it; run: {start}ssh-add {path}"
    if key.state == "unusable":
        return f"{key.path} is no private key that ssh can read; name the private one as {setting}"
    return ""


def _admission(hop: Hop, user: str, methods: Sequence[str], way: Way) -> str:
    """What lets a user in."""
    key = way.keys[0].path if way.keys else ""
    if "publickey" not in methods:
        return f"it takes no keys ({', '.join(methods)}); set PubkeyAuthentication yes in its sshd_config"
    if {"password", "keyboard-interactive"}.isdisjoint(methods):
        # Whoever asks for no password lets nobody in who is to bring a key.
        public = f"{key}.pub" if key else "your public key"
        return f"append {public} to ~{user}/.ssh/authorized_keys there, or name another user or key"
    target = replace(way.to(hop), keys=way.keys[:1], named=bool(key))
    copy = replace(target, server=replace(hop, user=user)).by_hand(program="ssh-copy-id")
    if hop != way.server:
        return f"give its key to it: {copy}; or correct the user in ssh_jump"
    return f"give its key to the server: {copy}"


def _too_many(_: re.Match[str], way: Way) -> str:
    fix = "name the one as ansible_ssh_private_key_file, or set IdentitiesOnly and IdentityFile in ~/.ssh/config"
    return f"{way.server.user} may not log in: ssh offers more keys than sshd looks at; {fix}"


def _no_common(match: re.Match[str], way: Way) -> str:
    hop = _hop(match["host"], way, match["port"])
    why = match["why"].strip()
    fix = "bring its sshd up to date, or allow what it offers in ~/.ssh/config"
    return f"{_name(hop, way)}has an sshd that agrees on nothing with ssh here ({why}); {fix}"


def _prohibited(match: re.Match[str], way: Way) -> str:
    if not way.jumps or ENDED not in match.string:
        return "its sshd forwards no connections; set AllowTcpForwarding yes in its /etc/ssh/sshd_config, and reload it"
    return (
        f"the bastion {way.jumps[-1]} forwards no connections to {way.server.host}; set AllowTcpForwarding yes in its"
        " /etc/ssh/sshd_config (and no PermitOpen without it), and reload it"
    )


def _behind(match: re.Match[str], way: Way) -> str:
    by = f"the bastion {way.jumps[-1]}" if way.jumps else "what is before it"
    why = match["why"].strip()
    if "not known" in why or "name resolution" in why:
        return f"cannot be found: {by} does not know the name {way.server.host}; give its address as ansible_host"
    return _no_connection(way.server, "", why, by, way)


def _not_forwarded(_: re.Match[str], way: Way) -> str:
    by = f"the bastion {way.jumps[-1]}" if way.jumps else "what is before it"
    return f"{by} does not lead to port {way.server.port} of {way.server.host}; what it says: {way.by_hand('-v')}"


def _lines(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


DENIED = _lines(r"^(?P<user>[^@\s]+)@(?P<host>\S+): Permission denied \((?P<methods>[^)]*)\)")
CASES: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str], Way], str]]] = (
    (_lines(r"^Bad owner or permissions on (.+?)\s*$"), _config_owner),
    (_lines(r"^(\S.* line \d+: .+|.*: terminating, \d+ bad configuration options?)$"), _config),
    (_lines(r"^Host key for (?P<host>\S+) has changed"), _changed),
    (_lines(r"^No \S+ host key is known for (?P<host>\S+) and"), _unknown),
    (_lines(r"^ssh: Could not resolve hostname (?P<host>\S+): "), _unresolved),
    (_lines(r"^ssh: connect to host (?P<host>\S+) port (?P<port>\d+): (?P<why>.+)$"), _not_connected),
    (_lines(r"open failed: administratively prohibited"), _prohibited),
    (_lines(r"open failed: connect failed: (?P<why>.+)$"), _behind),
    (DENIED, _denied),
    (_lines(r"Too many authentication failures"), _too_many),
    (_lines(r"^Unable to negotiate with (?P<host>\S+) port (?P<port>\d+): (?P<why>.+)$"), _no_common),
    (_lines(r"^Connection timed out during banner exchange"), _silent),
    (_lines(r"^stdio forwarding failed"), _not_forwarded),
    (_lines(r"^(?:kex_exchange_identification|banner exchange|ssh_dispatch_run_fatal): (.+)$"), _closed),
)
