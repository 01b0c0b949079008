"""The documentation: every link leads somewhere, and every command in it is one that there is."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from romana.cli.commands import COMMANDS, ORIGINAL_NAMES
from romana_install.base.errors import UsageError
from romana_install.cli.main import parse

PROJECT = Path(__file__).parents[2]
PAGES = sorted(
    PROJECT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (PROJECT / name).is_file()
)
KNOWN = {*COMMANDS, *ORIGINAL_NAMES, "complete"}  # what cliff, the framework, brings has no line in our table


def blocks(text: str) -> Iterator[str]:
    """The lines of code blocks, indented or fenced; one that goes on in the next line is joined with it."""
    fenced, begun = False, ""
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            joined = begun + line.strip()
            begun = joined[:-1] if joined.endswith("\\") else ""
            if not begun:
                yield joined


def prose(text: str) -> str:
    """What is not in code blocks."""
    kept, fenced = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            kept.append(line)
    return "\n".join(kept)


def words_of(command: str) -> list[str]:
    """The words of a shell's command, up to what sends its output elsewhere or begins another command."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word and set(word) <= set("();<>|&"):
            break
        words.append(word)
    return words


def commands(text: str) -> Iterator[str]:
    """The commands in code blocks; two blanks end one: a remark follows, or another command."""
    for line in blocks(text):
        for part in re.split(r"\s{2,}", line):
            command = part.removeprefix("# ").removeprefix("sudo ")
            if re.match(r"(\./romana-setup|romana)( |$)", command):
                yield command


def spans(text: str) -> Iterator[str]:
    """The commands in running text and tables."""
    for span in re.findall(r"`([^`]+)`", prose(text)):
        if span.startswith(("romana ", "./romana-setup ")):
            yield " ".join(span.split())


def is_known(words: Iterable[str]) -> bool:
    """Whether the words behind `romana` begin with the name of a command."""
    listed = list(words)
    return any(" ".join(listed[:count]) in KNOWN for count in (1, 2))


def fault(command: str) -> str:
    """What is wrong with a command; empty for nothing."""
    program, *words = command.split() if command.startswith("romana ") else words_of(command)
    if program == "romana":
        return "" if is_known(words) else f"{command}: romana has no such command"
    try:
        passed_on = parse(words).passed_on
    except UsageError as error:
        return f"{command}: {error}"
    return fault(" ".join(passed_on)) if passed_on[:1] == ("romana",) else ""


def faults(text: str) -> list[str]:
    """What is wrong with the commands of a page."""
    return [found for command in (*commands(text), *spans(text)) if (found := fault(command))]


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings get."""
    seen: Counter[str] = Counter()
    made = set()
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", prose(text), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        made.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return made


def dead_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file, or to no heading."""
    found = []
    for link in re.findall(r"\]\(([^()\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page.read_text()))):
        if re.match(r"[a-z]+:", link):
            continue  # elsewhere
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_commands_are_understood(page: Path) -> None:
    assert faults(page.read_text()) == []


def test_there_are_commands_to_look_at() -> None:
    found = [command for page in PAGES for command in commands(page.read_text())]
    assert sum(command.startswith("./romana-setup") for command in found) > 50
    assert sum(command.startswith("romana ") for command in found) > 10


def test_every_page_is_in_the_index() -> None:
    index = (PROJECT / "docs" / "README.md").read_text()
    pages = [page.relative_to(PROJECT / "docs") for page in PAGES if page.is_relative_to(PROJECT / "docs")]
    assert [str(page) for page in pages if str(page) != "README.md" and f"({page})" not in index] == []


@pytest.mark.parametrize(
    "text",
    [
        "    ./romana-setup -t lokal plan",
        "    ./romana-setup -t local plam        # what would be made",
        "    ./romana-setup verify --format csv > report",
        "    ./romana-setup plan --quick \\\n        -e stack_name=blue",
        "    ./romana-setup ssh controller -- romana host lst",
        "    romana host list          romana hots list",
        "    # romana explane 10.0.18.3",
        "| `romana segment rename TENANT NAME` | |",
        "Run `./romana-setup -t local provison` first.",
        "```\nsudo ./romana-setup -t local instal\n```",
    ],
)
def test_a_wrong_command_is_found(text: str) -> None:
    assert len(faults(f"# Page\n\n{text}\n")) == 1


@pytest.mark.parametrize("link", ["there.md", "page.md#no-such-heading", "#here", "../page.md"])
def test_a_dead_link_is_found(link: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n## A heading: `one`\n\n[good](page.md#a-heading-one) ![bad]({link})\n")
    assert dead_links(page) == [link]
