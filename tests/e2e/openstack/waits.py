"""Says of uWSGI's processes which wait for what is another's: a program for a node. Silence is well.

What a process waits for is in its epolls, each by the number and the inode of a file that the process has open.
"""

import re
from pathlib import Path


def awaited(process: Path) -> set[tuple[int, int]]:
    """Number and inode of each file that an epoll of the process has."""
    found = set()
    for epoll in process.glob("fdinfo/*"):
        text = epoll.read_text()
        found |= {(int(number), int(inode, 16)) for number, inode in re.findall(r"tfd: *(\d+) .* ino:(\w+)", text)}
    return found


def is_own(process: Path, number: int, inode: int) -> bool:
    """Whether the process has that file by that number."""
    path = process / "fd" / str(number)
    return path.exists() and path.stat().st_ino == inode


def main() -> None:
    """Look at all of them."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            others = [number for number, inode in awaited(process) if not is_own(process, number, inode)]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        if command[0].rpartition(b"/")[2].startswith(b"uwsgi") and others:
            print(command[-2].decode(), process.name, *others)


if __name__ == "__main__":
    main()
