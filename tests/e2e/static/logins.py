"""Plain sshds, each as some server's is, beside each other in namespaces of their own, in which nothing boots."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
from server_image import server_image
from waiting import DEADLINE, eventually
from world import die_with_parent

HERE = Path(__file__).parent
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SUBNET = "192.168.94"
# It takes who is meant from its input and prints what it says.
ASK = """
import dataclasses, json, pathlib, sys
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets.static.facts import ask
from romana_install.targets.static.target import Static
given = json.load(sys.stdin)
nodes = tuple(Node(name, "127.0.0.1", number, not number, True) for number, name in enumerate(given["reach"]))
reach = {name: Reach(**one) for name, one in given["reach"].items()}
stack = Stack("t", pathlib.Path("/nowhere"), nodes, Static(reach, **given["stack"]))
print(json.dumps({name: [facts.silence, facts.name, facts.forwarding] for name, facts in ask(stack, nodes).items()}))
"""
# The same, of the server's port 8080.
FETCH = """
import json, pathlib, socket, sys, tempfile, urllib.request
from romana_install.state import ssh
from romana_install.state.forward import ForwardError, forwarded
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets.static.target import Static
given = json.load(sys.stdin)
node = Node("one", "127.0.0.1", 0, True, True)
with tempfile.TemporaryDirectory() as directory:
    stack = Stack("t", pathlib.Path(directory), (node,), Static({"one": Reach(**given["reach"])}))
    ssh.ensure(stack)
    try:
        with forwarded(stack, node, [8080]) as sockets, socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(sockets[8080]))
            connection.sendall(("GET /" + given["page"] + " HTTP/1.0" + chr(10) * 2).encode())
            print(connection.makefile().read().partition(chr(10) * 2)[2], end="")
    except ForwardError as error:
        print(error, end="")
"""
# Who a server's Python is run as by Ansible, as the installer starts that.
PLAY = """
import json, os, pathlib, subprocess, sys, tempfile
from romana_install.ansible import run
from romana_install.base.invocation import PROJECT
from romana_install.state import ssh
from romana_install.state.stack import Node, Reach, Stack
from romana_install.targets import stacks
from romana_install.targets.static.target import Static
node = Node("one", "127.0.0.1", 0, True, True)
task = {"ansible.builtin.command": "id -un", "register": "said"}
shown = {"ansible.builtin.debug": {"var": "said.stdout"}}
with tempfile.TemporaryDirectory() as directory:
    here = pathlib.Path(directory)
    stack = Stack("t", here, (node,), Static({"one": Reach(**json.load(sys.stdin))}))
    ssh.ensure(stack)
    stacks.save(stack)
    # Root is not reached here, and is not needed.
    play = [{"hosts": "romana", "gather_facts": False, "become": False, "tasks": [task, shown]}]
    (here / "play.yml").write_text(json.dumps(play))
    inventory = PROJECT / "inventory/stack.yml"
    command = ["ansible-playbook", "-i", inventory, "-e", "ansible_become=false", here / "play.yml"]
    done = subprocess.run(command, env={**os.environ, **run.environment(here)}, capture_output=True, text=True)
    print(done.stdout, done.stderr)
"""
READ = """
import json, pathlib, sys, tempfile
from romana_install.targets.static import inventory
with tempfile.TemporaryDirectory() as directory:
    path = pathlib.Path(directory, "hosts")
    path.write_text(sys.stdin.read())
    servers = inventory.read(str(path), None)
    assert not servers.findings, servers.findings
print(json.dumps([[name, one.host, one.user, one.port, one.destination] for name, one in servers.reach.items()]))
"""


@dataclass
class Logins:
    """The lab. Use it as a context.

    directory: what is in there is seen from inside alone; home: of the user there who runs ssh.
    """

    directory: Path
    served: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Logins:
        own = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        words = [str(HERE / "logins.sh"), str(self.directory), ":".join(map(str, server_image())), SUBNET]
        self._first = subprocess.Popen(["unshare", *own, "sh", *words], preexec_fn=die_with_parent)
        children = Path(f"/proc/{self._first.pid}/task/{self._first.pid}/children")
        self._inside = ["nsenter", f"--target={eventually(children.read_text, 'it begins').split()[0]}"]
        self._inside += ["--net", "--mount", "--pid"]
        ready = self.directory / "ready"
        eventually(lambda: self.shell(f"test -e {ready} && echo yes", check=False), "it is there")
        return self

    def __exit__(self, *_: object) -> None:
        self._first.kill()
        self._first.wait()

    def shell(self, text: str, check: bool = True, **more: Any) -> str:
        """What a shell there prints."""
        environment = {"PATH": PATH, "HOME": f"{self.directory}/home"}
        environment |= more.pop("env", {})
        command = [*self._inside, "sh", "-c", f"cd {self.directory} && {text}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **more)
        assert not check or done.returncode == 0, f"{text}: {done.stdout}{done.stderr}"
        return str(done.stdout)

    def typed(self, text: str, prompt: str, answer: str) -> None:
        """Run a command as somebody at a terminal does, who answers what it may ask."""
        environment = {"PATH": PATH, "HOME": f"{self.directory}/home"}
        terminal = pexpect.spawn(
            self._inside[0], [*self._inside[1:], "sh", "-c", text], env=environment, encoding="utf-8"
        )
        if terminal.expect_exact([prompt, pexpect.EOF], timeout=DEADLINE) == 0:
            terminal.sendline(answer)
            terminal.expect(pexpect.EOF, timeout=DEADLINE)
        terminal.close()
        assert terminal.exitstatus == 0, f"{text}: {terminal.before}"

    def serve(self, name: str, number: int, *settings: str, known: bool = True, port: int = 22) -> str:
        """An sshd with settings of its own; returns its address."""
        address = f"{SUBNET}.{number}"
        lines = [f"ListenAddress {address}", f"Port {port}", f"HostKey /etc/ssh/{name}", f"PidFile /run/{name}.pid"]
        lines += ["AuthorizedKeysFile /etc/ssh/keys", "PerSourcePenalties no", "MaxStartups 100", *settings]
        self.shell(
            f"ssh-keygen -q -t ed25519 -N '' -f root/etc/ssh/{name}; cat >root/etc/ssh/{name}.conf",
            input="\n".join(lines),
        )
        self.shell(f"chroot root /usr/sbin/sshd -f /etc/ssh/{name}.conf -E /var/log/{name}")
        if known:
            place = address if port == 22 else f"[{address}]:{port}"
            self.shell(f"echo {place} $(cat root/etc/ssh/{name}.pub) >>home/.ssh/known_hosts")
        return address

    def end(self, name: str) -> None:
        """End an sshd; those who are logged in stay so."""
        self.shell(f"kill $(cat root/run/{name}.pid)")

    def ask(
        self, reach: dict[str, dict[str, Any]], env: dict[str, str] | None = None, **stack: str
    ) -> dict[str, list[str]]:
        """Why servers say nothing, how they call themselves, and why they do not forward, as `check` asks them."""
        given = json.dumps({"reach": reach, "stack": stack})
        return dict(json.loads(self.python(ASK, given, env)))

    def fetched(self, reach: dict[str, Any], page: str) -> str:
        """A page of the server's port 8080, brought here by ssh; or why it is not."""
        return self.python(FETCH, json.dumps({"reach": reach, "page": page}))

    def played(self, reach: dict[str, Any]) -> str:
        """What Ansible prints, which has asked a server there who it is."""
        return self.python(PLAY, json.dumps(reach))

    def reaches(self, inventory: str) -> list[list[Any]]:
        """How servers are reached, as an inventory is read there: name, host, user, port, destination."""
        return list(json.loads(self.python(READ, inventory)))

    def python(self, program: str, given: str = "", env: dict[str, str] | None = None) -> str:
        """What a program of Python's that uses our packages prints there."""
        return self.shell(shlex.join(["exec", sys.executable, "-c", program]), input=given, env=env or {})
