"""What romana-server can tell of probes while they are there: nobody can ask it once a verification has ended."""

from __future__ import annotations

from romana.models import Endpoint, Explain
from romana_install.verify.findings import Findings
from romana_install.verify.probing import Probing

MOST_ASKED = 8  # probes; the others say the same of the same hosts


def explain(probing: Probing, findings: Findings) -> None:
    """Note what hosts lack for the probes, and which chains of others are in their way, each once."""
    firsts = {(probe.host, probe.tenant, probe.segment): probe for probe in reversed(probing.endpoints)}
    told = [told_of(probe, probing.client.explain(probe.address)) for probe in [*firsts.values()][:MOST_ASKED]]
    problems = list(dict.fromkeys(line for lines in told for line in lines))
    findings.note("explained", problems, "each host has what the probes need, and no chain of others drops packets")


def told_of(probe: Endpoint, explained: Explain) -> list[str]:
    """What is wrong with a probe's hosts, one line each. Pure."""
    missing = [
        f"{check.host} lacks the {check.what} {check.expected} of {probe.tenant}/{probe.segment} ({check.applied});"
        " see there: journalctl -u romana-agent"
        for check in explained.checks
        if not check.ok and check.what != "chain"
    ]
    return [*explained.advice, *missing]
