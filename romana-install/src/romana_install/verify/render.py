"""A report for people, for programs (json) and for test dashboards (junit). Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree

from romana_install.verify.report import REACHABLE, UNREACHABLE, Cell, Check, Report

NAME_WIDTH = 30  # of the longest name of a check
AS_EXPECTED = {REACHABLE: "+", UNREACHABLE: "."}
MISSING, LEAKING = "X", "!"
LEGEND = (
    "each pair: ping, TCP.  + reachable, . unreachable, both as expected;"
    f"  {MISSING} should be reachable but is not;  {LEAKING} is reachable but must not be"
)


def render(report: Report, format: str = "text") -> str:  # noqa: A002 - the option is called so
    """The report as `text`, `json` or `junit`. Raises KeyError for another format."""
    return FORMATS[format](report)


def check_line(check: Check) -> str:
    """What is told of a check as soon as it is made."""
    return f"  {'ok  ' if check.ok else 'FAIL'}  {check.name:<{NAME_WIDTH}}  {check.detail}"


def _text(report: Report) -> str:
    return "\n".join([*map(check_line, report.checks), "", conclusion(report)])


def conclusion(report: Report) -> str:
    """What is told once all checks are made."""
    parts = [_matrix(report)] if report.matrix else []
    mismatches = [cell for cell in report.matrix if not cell.ok]
    if mismatches:
        parts.append("Mismatches:\n" + "\n".join(_mismatch(cell) for cell in mismatches))
    failed = sum(not check.ok for check in report.checks)
    verdict = "as it should be" if report.ok else f"NOT as it should be: {failed} of {len(report.checks)} checks failed"
    parts.append(f"The network is {verdict} ({report.seconds:.1f} s).")
    return "\n\n".join(parts)


def _matrix(report: Report) -> str:
    names = list(dict.fromkeys(name for cell in report.matrix for name in (cell.source, cell.target)))
    protocols = list(dict.fromkeys(cell.protocol for cell in report.matrix))
    symbols = {(cell.source, cell.target, cell.protocol): _symbol(cell) for cell in report.matrix}
    marks = {name: _mark(number) for number, name in enumerate(names)}
    width = max(map(len, names)) + 6
    column = max(len(protocols), 2)
    lines = ["from, to".ljust(width) + " ".join(marks[name].rjust(column) for name in names)]
    for source in names:
        cells = [
            "".join(symbols.get((source, goal, protocol), " ") for protocol in protocols) if source != goal else "-"
            for goal in names
        ]
        lines.append(f"{marks[source]:<3} {source}".ljust(width) + " ".join(cell.rjust(column) for cell in cells))
    return "\n".join([*lines, "", LEGEND])


def _mark(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    letter = chr(ord("a") + number % 26)
    return letter if number < 26 else _mark(number // 26 - 1) + letter


def _symbol(cell: Cell) -> str:
    if cell.ok:
        return AS_EXPECTED[cell.expected]
    return MISSING if cell.expected == REACHABLE else LEAKING


def _mismatch(cell: Cell) -> str:
    hosts = " and ".join(dict.fromkeys(name.partition(" ")[0] for name in (cell.source, cell.target)))
    return (
        f"  {cell.source} -> {cell.target}, {cell.protocol}: expected {cell.expected}, observed {cell.observed}\n"
        f"    look at: the check explained, above; on {hosts}: nft list ruleset, ip route, journalctl -u romana-agent"
    )


def _json(report: Report) -> str:
    return json.dumps(report.as_dict(), indent=2)


def _junit(report: Report) -> str:
    """One test case a check and a cell; the matrix's summing-up checks fail together with their cells."""
    failures = sum(not check.ok for check in report.checks) + sum(not cell.ok for cell in report.matrix)
    suite = ElementTree.Element(
        "testsuite",
        name="romana verify",
        tests=str(len(report.checks) + len(report.matrix)),
        failures=str(failures),
        errors="0",
        skipped="0",
        time=f"{report.seconds:.2f}",
    )
    for check in report.checks:
        _case(suite, "verify.checks", check.name, check.ok, check.detail)
    for cell in report.matrix:
        name = f"{cell.protocol}: {cell.source} -> {cell.target}"
        _case(suite, "verify.matrix", name, cell.ok, f"expected {cell.expected}, observed {cell.observed}")
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _case(suite: ElementTree.Element, group: str, name: str, ok: bool, detail: str) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=group, name=_printable(name))
    if not ok:
        ElementTree.SubElement(case, "failure", message=_printable(detail))


def _printable(text: str) -> str:
    # XML 1.0 has no way to write control characters, and details quote what programs said.
    return "".join(character if character.isprintable() else " " for character in text)


FORMATS: dict[str, Callable[[Report], str]] = {"text": _text, "json": _json, "junit": _junit}
