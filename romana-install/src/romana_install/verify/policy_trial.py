"""A policy on trial: it must open exactly what it says, and close again when it is removed."""

from __future__ import annotations

from itertools import product

from romana.models import Peer, Policy, PolicyCreate, Protocol
from romana_install.verify import endpoints as api
from romana_install.verify.expect import Question
from romana_install.verify.findings import Findings
from romana_install.verify.network_checks import OPENED_PORT, OTHER_PORT
from romana_install.verify.probing import APPLIED_WITHIN, POLICY_WAIT, Probing
from romana_install.verify.report import Cell


def try_policy(probing: Probing, findings: Findings) -> None:
    """Let another segment reach the primary one on one TCP port for a moment; check what that opens and closes."""
    opening, target = probing.places.stranger or probing.places.sibling, probing.places.primary
    if opening is None or target is None or not probing.of(opening):
        findings.note("policy", [], "not tried: it needs probes in two segments")
        return
    wish = PolicyCreate(
        name=api.policy_name(probing.run),
        source=Peer(tenant=opening[0], segment=opening[1]),
        target=Peer(tenant=target[0], segment=target[1]),
        protocol=Protocol.TCP,
        ports=[str(OPENED_PORT)],
    )
    questions = _questions(probing, wish)
    policy = probing.client.create_policy(wish)
    with_policy = [*probing.policies, policy]
    before = probing.policies
    opened = [question for question in questions if question.expected(with_policy) != question.expected(before)]
    good = f"{len(opened)} conversations opened, {len(questions) - len(opened)} others as before"
    _try(probing, findings, "policy opens", questions, with_policy, good)
    probing.client.delete_policy(policy.name)
    _try(probing, findings, "policy closes", questions, probing.policies, f"{len(opened)} conversations closed again")


def _questions(probing: Probing, policy: PolicyCreate) -> list[Question]:
    """What the policy opens, and what is next to it: another port, ping, the way back, another source."""
    sources = probing.of((policy.source.tenant or "", policy.source.segment or ""))
    goals = probing.of(probing.places.primary)
    questions = []
    for source, goal in product(sources, goals):
        questions += [
            Question(source, goal, Protocol.TCP, OPENED_PORT),
            Question(source, goal, Protocol.TCP, OTHER_PORT),
            Question(source, goal, Protocol.ICMP),
            Question(goal, source, Protocol.TCP, OPENED_PORT),
        ]
    bystanders = [probe for probe in probing.of(probing.places.sibling) if probe not in sources]
    return questions + [Question(*pair, Protocol.TCP, OPENED_PORT) for pair in product(bystanders, goals)]


def _try(
    probing: Probing, findings: Findings, name: str, questions: list[Question], policies: list[Policy], good: str
) -> None:
    try:
        api.wait_applied(probing.client, [host.name for host in probing.hosts], APPLIED_WITHIN)
    except api.NotYetError as error:
        findings.note(name, [str(error)], "")
        return
    cells, _ = probing.answers(questions, policies, POLICY_WAIT)
    wrong = [_problem(question, cell) for question, cell in zip(questions, cells, strict=True) if not cell.ok]
    findings.note(name, wrong, good)


def _problem(question: Question, cell: Cell) -> str:
    what = f"{question.protocol.value} {question.port}" if question.port else question.protocol.value
    return f"{cell.source} -> {cell.target} {what} is {cell.observed}, not {cell.expected}"
