"""Runs commands of OpenStack's client, on a controller, in one process for each user: loading it takes longest.

One for all would not do: the client keeps in its classes what it has of the first user.

usage: client_runner.py TASK     (JSON with the stack's name and the commands)
Prints [exit code, what was printed] of each, as JSON, and on its standard error how long each took.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from openstackclient.shell import OpenStackShell

LOOK = 0.5  # seconds between two looks at an instance; Nova tells nobody outside
WITHIN = 300.0  # seconds
# What a command names that only the cloud knows, and what tells it, as the user demo.
NAMED = {
    "{day}": ["server", "show", "day", "-f", "value", "-c", "id"],  # for who is in another project
    "{floating}": ["floating", "ip", "list", "-f", "value", "-c", "Floating IP Address"],
}


def run(cloud: str, words: list[str]) -> tuple[int, str]:
    """The exit code of a command, and what it printed."""
    said = io.StringIO()
    for handler in logging.root.handlers[:]:  # of the last command's output
        logging.root.removeHandler(handler)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = OpenStackShell().run(["--os-cloud", cloud, *words])
        except SystemExit as end:  # argparse's
            code = int(end.code or 0)
    return code, said.getvalue()


def await_status(user: ProcessPoolExecutor, cloud: str, status: str) -> None:
    """Wait until the instance `day` has a status and nothing is being done to it."""
    columns = ["-f", "json", "-c", "status", "-c", "OS-EXT-STS:task_state"]
    end = time.monotonic() + WITHIN
    shown: Any = {}
    while (shown.get("status"), shown.get("OS-EXT-STS:task_state")) != (status, None):
        if time.monotonic() > end:
            sys.exit(f"day is not {status} within {WITHIN} s, but {shown}")
        time.sleep(LOOK)
        code, said = user.submit(run, cloud, ["server", "show", "day", *columns]).result()
        shown = json.loads(said) if code == 0 else {}


def main(task: dict[str, Any]) -> None:
    """Run all of them."""
    clouds = {"admin": task["stack"], "demo": f"{task['stack']}-demo"}
    answers = []
    with ProcessPoolExecutor(1) as admin, ProcessPoolExecutor(1) as demo:
        users = {"admin": admin, "demo": demo}
        for command in task["commands"]:
            words = [
                demo.submit(run, clouds["demo"], NAMED[word]).result()[1].strip() if word in NAMED else word
                for word in command["words"].split()
            ]
            started = time.monotonic()
            answers.append(users[command["user"]].submit(run, clouds[command["user"]], words).result())
            if command["status"]:
                await_status(demo, clouds["demo"], command["status"])
            print(f"{time.monotonic() - started:.1f} s: {command['words']}: {answers[-1]}", file=sys.stderr)
    print(json.dumps(answers))


main(json.loads(sys.argv[1]))
