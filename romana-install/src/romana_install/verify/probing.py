"""What a verification works on: its endpoints, and all that is needed to look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from romana.client import Client
from romana.models import Endpoint, Host, Policy, PolicyCreate
from romana_install.verify.expect import Question, to_cell
from romana_install.verify.network import Network
from romana_install.verify.probe_places import Places, Segment
from romana_install.verify.report import REACHABLE, Cell

# In seconds. What is reachable answers within milliseconds; the rest is waiting for answers that must not come.
APPLIED_WITHIN = 20.0  # until agents have followed; they take milliseconds, but where the processor is emulated
LEASE_WITHIN = 5.0
MATRIX_WAIT = 1.0  # until no answer means unreachable
POLICY_WAIT = 0.5  # the same for paths that have been seen to answer before
CONFIRM_WAIT = 3.0  # the same for what should have answered: three attempts of TCP


@dataclass
class Probing:
    """One verification. hosts: those that are nodes of the stack, by index; registered: all hosts."""

    client: Client
    network: Network
    run: str
    hosts: list[Host]
    registered: list[Host]
    places: Places
    policies: list[Policy]
    endpoints: list[Endpoint]
    probes: list[Endpoint] = field(default_factory=list)  # the endpoints that have a probe behind them

    def of(self, segment: Segment | None) -> list[Endpoint]:
        """The probes in a segment."""
        return [probe for probe in self.probes if (probe.tenant, probe.segment) == segment]

    def answers(
        self, questions: Sequence[Question], policies: Sequence[PolicyCreate], wait: float
    ) -> tuple[list[Cell], int]:
        """Ask, and ask once more, with more patience, what should have answered and did not.

        Returns the cells, in the order of the questions, and how many answered only the second time.
        """
        results = self.network.ask(questions, wait)
        cells = [to_cell(question, policies, result) for question, result in zip(questions, results, strict=True)]
        missed = [number for number, cell in enumerate(cells) if cell.expected == REACHABLE and not cell.ok]
        if not missed:
            return cells, 0
        again = self.network.ask([questions[number] for number in missed], CONFIRM_WAIT)
        for number, result in zip(missed, again, strict=True):
            cells[number] = to_cell(questions[number], policies, result)
        return cells, sum(cells[number].ok for number in missed)
