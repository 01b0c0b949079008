"""Daily work with OpenStack's client, command by command, and what the cloud answers.

Makes docs/reference/commands.md by running them on a stack's controller, as its user root, who has the clouds there:

    .venv/bin/python tests/e2e/openstack/commands.py ~/.local/state/romana-setup/romana > docs/reference/commands.md
"""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"
RUNNER = Path(__file__).with_name("client_runner.py")
INTRODUCTION = """# Commands

What `openstack` answers on a stack of the target `local` with the engine `packages`, for users who know OpenStack. The
commands were run in this order, on the controller: `./romana-setup ssh controller`, where root has the clouds. In the
column *as* is the user: `demo` is `--os-cloud <stack_name>-demo`, `admin` is `--os-cloud <stack_name>`. ID is an id.

This page is made by `tests/e2e/openstack/commands.py`, and compared by the layer `openstack` in `./run-tests long`.
"""


@dataclass(frozen=True)
class Command:
    """A command.

    Args:
        words: what follows `openstack`.
        user: who gives it, `demo` or `admin`.
        status: of the instance `day`; the next command comes once it has it and is at rest. Empty: at once.
    """

    words: str
    user: str = "demo"
    status: str = ""


@dataclass(frozen=True)
class Answer:
    """What came of a command: its exit code, and all that it printed."""

    code: int
    said: str


def admin(words: str, status: str = "") -> Command:
    return Command(words, "admin", status)


SECTIONS = {
    "The cloud": [
        Command("token issue"),
        Command("catalog list"),
        admin("endpoint list"),
        admin("project list"),
        admin("project create daily"),
        admin("user create --project daily --password daily-secret daily"),
        admin("role add --project daily --user daily member"),
        admin("user delete daily"),
        admin("project delete daily"),
        Command("quota show"),
        Command("quota show --compute"),
        admin("quota set --instances 20 demo"),
        Command("availability zone list --compute"),
    ],
    "What instances are made of": [
        Command("image list"),
        Command("image show tiny"),
        Command("flavor list"),
        admin("flavor create --ram 112 --disk 1 --vcpus 1 daily"),
        Command("keypair create --private-key /dev/null daily"),
        Command("keypair list"),
        Command("network list"),
        Command("network show romana"),
        Command("subnet list"),
        Command("port create --network romana daily"),
        Command("port set --description spare daily"),
        Command("port list"),
        Command("security group create daily"),
        Command("security group rule create --protocol tcp --dst-port 80 daily"),
        Command("security group list"),
        Command("server group create --policy anti-affinity daily"),
    ],
    "Instances": [
        Command(
            "server create --wait --image tiny --flavor tiny --network romana --key-name daily"
            " --property romanaSegment=s1 day"
        ),
        Command("server list"),
        Command("server show day"),
        Command("console log show day"),
        Command("console url show day"),
        Command("server add port day daily"),
        Command("server remove port day daily"),
        Command("server set --property note=kept day"),
        Command("server unset --property note day"),
        Command("server add security group day daily"),
        Command("server remove security group day daily"),
        Command("server reboot --wait day", status="ACTIVE"),
        Command("server stop day", status="SHUTOFF"),
        Command("server start day", status="ACTIVE"),
        Command("server rebuild --wait --image tiny day", status="ACTIVE"),
        Command("server resize --wait --flavor daily day", status="VERIFY_RESIZE"),
        Command("server resize confirm day", status="ACTIVE"),
        admin("server migrate --live-migration --wait {day}", status="ACTIVE"),
        Command("server event list day"),
        Command("server ssh --login root --identity /root/none day"),
        Command("server delete --wait day"),
    ],
    "What there is not": [
        Command("server create --wait --boot-from-volume 1 --image tiny --flavor tiny --network romana volumes"),
        Command("volume create --size 1 daily"),
        Command("volume list"),
        Command("subnet create --network romana --subnet-range 172.30.0.0/16 daily"),
    ],
    "A network of the project's own": [
        Command("network create daily"),
        Command("subnet create --network daily --subnet-range 172.30.0.0/16 daily"),
        Command("subnet create --network daily --use-default-subnet-pool daily"),
        Command("server create --wait --image tiny --flavor tiny --network daily own"),
    ],
    "A router and a floating IP": [
        Command("network list --external"),
        Command("router create daily"),
        Command("router set --external-gateway public daily"),
        Command("router set --external-gateway public --disable-snat daily"),
        Command("router add subnet daily daily"),
        Command("router add subnet daily romana"),
        Command("router list"),
        Command("router show daily"),
        Command("floating ip create romana"),
        Command("floating ip create public"),
        Command("floating ip list"),
        Command("server add floating ip own {floating}"),
        Command("floating ip show {floating}"),
        Command("server remove floating ip own {floating}"),
        Command("floating ip delete {floating}"),
        Command("router delete daily"),
        Command("router remove subnet daily daily"),
        Command("router unset --external-gateway daily"),
        Command("router delete daily"),
        Command("server delete --wait own"),
        Command("network delete daily"),
    ],
    "The administrator": [
        admin("server list --all-projects"),
        admin("hypervisor list"),
        admin("hypervisor show compute01"),
        admin("compute service list"),
        admin("compute service set --disable --disable-reason daily compute02 nova-compute"),
        admin("compute service set --enable compute02 nova-compute"),
        admin("aggregate create daily"),
        admin("aggregate add host daily compute01"),
        admin("aggregate remove host daily compute01"),
        admin("aggregate delete daily"),
        admin("network agent list"),
        admin("flavor delete daily"),
        admin("quota delete --compute demo"),
    ],
    "Tidied": [
        Command("server delete --wait volumes"),
        Command("server group delete daily"),
        Command("port delete daily"),
        Command("security group delete daily"),
        Command("keypair delete daily"),
    ],
}


def run(ssh_config: Path, stack: str) -> list[Answer]:
    """What the cloud of a stack answers to all of them, in their order. Raises CalledProcessError."""
    commands = [asdict(one) for one in itertools.chain.from_iterable(SECTIONS.values())]
    task = json.dumps({"stack": stack, "commands": commands})
    done = subprocess.run(
        ["ssh", "-F", str(ssh_config), "controller", shlex.join(["python3", "-", task])],
        input=RUNNER.read_text(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [Answer(*one) for one in json.loads(done.stdout)]


def page(answers: list[Answer]) -> str:
    """The page of the answers to all commands."""
    left = iter(answers)
    lines = [INTRODUCTION]
    for title, commands in SECTIONS.items():
        rows = [f"| {one.user} | `{one.words}` | {verdict(next(left))} |" for one in commands]
        lines += [f"## {title}", "", "| as | `openstack` | answer |", "|---|---|---|", *rows, ""]
    return "\n".join(lines).replace("{day}", "ID").replace("{floating}", "ADDRESS").rstrip() + "\n"


def verdict(answer: Answer) -> str:
    """What the page says of an answer: that it works, or the sentence with which it is refused."""
    if answer.code == 0:
        return "works"
    said = [line for line in answer.said.splitlines() if line.strip()]
    return f"refused: {plain(said[-1]) if said else f'exit {answer.code}, and not a word'}"


def plain(sentence: str) -> str:
    """A sentence without what differs from cloud to cloud, in a cell of a table."""
    sentence = re.sub(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", "ID", sentence)
    sentence = re.sub(r"https?://[0-9.]+", "http://CONTROLLER", sentence)
    return sentence.replace("|", "\\|").replace("<", "&lt;").strip()


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    sys.stdout.write(page(run(directory / "ssh_config", directory.name)))
