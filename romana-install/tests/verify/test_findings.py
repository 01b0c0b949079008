"""How what was found is summed up."""

from __future__ import annotations

from romana_install.verify import Cell, Check
from romana_install.verify.findings import Findings
from romana_install.verify.report import REACHABLE, UNREACHABLE


def test_without_problems_a_check_passes() -> None:
    findings = Findings()
    findings.note("dhcp", [], "2 leases")
    assert findings.report(1).checks == (Check("dhcp", True, "2 leases"),)


def test_few_problems_are_named_and_many_counted() -> None:
    findings = Findings()
    findings.note("dhcp", ["no lease a", "no lease b"], "")
    findings.note("routes", [f"no route {number}" for number in range(9)], "")
    few, many = findings.report(1).checks
    assert few == Check("dhcp", False, "no lease a; no lease b")
    assert many.detail.endswith("no route 4; and 4 more")


def test_matrix_is_summed_up_for_each_protocol() -> None:
    findings = Findings()
    good = Cell("a", "b", "icmp", REACHABLE, REACHABLE)
    bad = Cell("a", "b", "tcp", UNREACHABLE, REACHABLE)
    findings.matrix([good, bad], second_try=1)
    report = findings.report(1)
    assert report.matrix == (good, bad)
    assert [(check.name, check.ok) for check in report.checks] == [
        ("matrix icmp", True),
        ("matrix tcp", False),
        ("lost packets", True),
    ]
    assert not report.ok


def test_each_check_is_told_once_and_at_once() -> None:
    heard: list[str] = []
    whole, part = Findings(lambda check: heard.append(check.name)), Findings()
    whole.note("first", [], "")
    part.note("second", ["broken"], "")
    assert heard == ["first"]
    whole.add(part)
    assert heard == ["first", "second"]


def test_parts_are_put_together_in_order() -> None:
    whole, part = Findings(), Findings()
    whole.note("first", [], "")
    part.note("second", [], "")
    part.matrix([Cell("a", "b", "icmp", REACHABLE, REACHABLE)], second_try=0)
    whole.add(part)
    assert [check.name for check in whole.report(1).checks] == ["first", "second", "matrix icmp"]
    assert len(whole.report(1).matrix) == 1
