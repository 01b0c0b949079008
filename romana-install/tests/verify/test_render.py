"""Reports for people, programs and test dashboards."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from romana_install.verify import Cell, Check, Report, conclusion, render
from romana_install.verify.report import REACHABLE, UNREACHABLE

A, B, C = "controller admin/s1 10.0.18.3", "compute01 admin/s1 10.1.18.3", "controller demo/s1 10.0.34.3"


def cells(observed: dict[tuple[str, str, str], str] | None = None) -> tuple[Cell, ...]:
    found = []
    for source in (A, B, C):
        for goal in (A, B, C):
            for protocol in ("icmp", "tcp") if source != goal else ():
                expected = REACHABLE if C not in (source, goal) else UNREACHABLE
                seen = (observed or {}).get((source, goal, protocol), expected)
                found.append(Cell(source, goal, protocol, expected, seen))
    return tuple(found)


GOOD = Report((Check("dhcp", True, "3 leases"),), cells(), 3.214)
BAD = Report(
    (Check("dhcp", True, "3 leases"), Check("matrix icmp", False, "1 of 6")),
    cells({(A, B, "icmp"): UNREACHABLE, (A, C, "tcp"): REACHABLE}),
    3.2,
)


def test_json_is_the_documented_form() -> None:
    data = json.loads(render(GOOD, "json"))
    assert set(data) == {"ok", "checks", "matrix", "seconds"}
    assert data["ok"] is True
    assert data["seconds"] == 3.21
    assert data["checks"] == [{"name": "dhcp", "ok": True, "detail": "3 leases"}]
    assert data["matrix"][0] == {
        "from": A,
        "to": B,
        "protocol": "icmp",
        "expected": "reachable",
        "observed": "reachable",
    }
    assert json.loads(render(BAD, "json"))["ok"] is False


def test_text_has_a_compact_matrix() -> None:
    lines = conclusion(GOOD).splitlines()
    assert lines[0].split() == ["from,", "to", "a", "b", "c"]
    assert lines[1].split() == ["a", *A.split(), "-", "++", ".."]
    assert lines[2].split() == ["b", *B.split(), "++", "-", ".."]
    assert lines[3].split() == ["c", *C.split(), "..", "..", "-"]
    assert "ping, TCP" in lines[5]
    assert lines[-1] == "The network is as it should be (3.2 s)."


def test_text_spells_out_mismatches_and_where_to_look() -> None:
    text = render(BAD)
    assert conclusion(BAD).splitlines()[1].split() == ["a", *A.split(), "-", "X+", ".!"]
    assert f"{A} -> {B}, icmp: expected reachable, observed unreachable" in text
    assert f"{A} -> {C}, tcp: expected unreachable, observed reachable" in text
    assert "look at: the check explained, above; on controller and compute01: nft list ruleset" in text
    assert "NOT as it should be: 1 of 2 checks failed" in text
    assert "FAIL  matrix icmp" in text


def test_many_endpoints_get_distinct_letters() -> None:
    names = [f"h admin/s1 10.0.{number}.3" for number in range(30)]
    matrix = tuple(Cell(a, b, "icmp", REACHABLE, REACHABLE) for a in names for b in names if a != b)
    head = conclusion(Report((), matrix, 1)).splitlines()[0].split()[2:]
    assert len(set(head)) == 30
    assert head[25:28] == ["z", "aa", "ab"]


def test_a_report_without_checks_has_verified_nothing() -> None:
    assert not Report((), (), 0).ok


def test_a_cell_alone_makes_it_not_ok() -> None:
    assert not Report(GOOD.checks, BAD.matrix, 1).ok
    assert not Report(BAD.checks, GOOD.matrix, 1).ok


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
reports = st.builds(
    Report,
    st.lists(st.builds(Check, texts, st.booleans(), texts), max_size=5).map(tuple),
    st.lists(st.builds(Cell, texts, texts, st.just("icmp"), st.just(REACHABLE), texts), max_size=5).map(tuple),
    st.floats(0, 100),
)


@given(reports)
def test_junit_is_valid_and_counts_its_cases(report: Report) -> None:
    suite = ElementTree.fromstring(render(report, "junit"))  # noqa: S314 - our own output
    cases = suite.findall("testcase")
    assert suite.tag == "testsuite"
    assert int(suite.attrib["tests"]) == len(cases) == len(report.checks) + len(report.matrix)
    failed = [case for case in cases if case.find("failure") is not None]
    assert int(suite.attrib["failures"]) == len(failed)
    wrong = [check for check in report.checks if not check.ok] + [cell for cell in report.matrix if not cell.ok]
    assert len(failed) == len(wrong)
    assert all(set(case.attrib) == {"classname", "name"} for case in cases)


@given(reports)
def test_every_form_can_tell_any_report(report: Report) -> None:
    assert json.loads(render(report, "json"))["ok"] == report.ok
    assert render(report, "text")
