"""A policy on trial: it must open exactly what it says, and close again when it is removed."""

from __future__ import annotations

from itertools import product

from romana.models import Peer, Policy, PolicyCreate, Protocol
from romana_install.verify import endpoints as api
from romana_install.verify.expect import Question
from romana_install.verify.findings import Findings
from romana_install.verify.looks import OPENED_PORT, OTHER_PORT
from romana_install.verify.report import Cell
from romana_install.verify.scene import APPLIED_WITHIN, POLICY_WAIT, Scene


def try_policy(scene: Scene, findings: Findings) -> None:
    """Let another segment reach the primary one on one TCP port for a moment; check what that opens and closes."""
    opening, target = scene.choice.stranger or scene.choice.sibling, scene.choice.primary
    if opening is None or target is None or not scene.of(opening):
        findings.note("policy", [], "not tried: it needs probes in two segments")
        return
    wish = PolicyCreate(
        name=api.policy_name(scene.run),
        source=Peer(tenant=opening[0], segment=opening[1]),
        target=Peer(tenant=target[0], segment=target[1]),
        protocol=Protocol.TCP,
        ports=[str(OPENED_PORT)],
    )
    questions = _questions(scene, wish)
    policy = scene.client.create_policy(wish)
    with_policy = [*scene.policies, policy]
    opened = [question for question in questions if question.expected(with_policy) != question.expected(scene.policies)]
    good = f"{len(opened)} conversations opened, {len(questions) - len(opened)} others as before"
    _try(scene, findings, "policy opens", questions, with_policy, good)
    scene.client.delete_policy(policy.name)
    _try(scene, findings, "policy closes", questions, scene.policies, f"{len(opened)} conversations closed again")


def _questions(scene: Scene, policy: PolicyCreate) -> list[Question]:
    """What the policy opens, and what is next to it: another port, ping, the way back, another source."""
    sources = scene.of((policy.source.tenant or "", policy.source.segment or ""))
    targets = scene.of(scene.choice.primary)
    questions = []
    for source, target in product(sources, targets):
        questions += [
            Question(source, target, Protocol.TCP, OPENED_PORT),
            Question(source, target, Protocol.TCP, OTHER_PORT),
            Question(source, target, Protocol.ICMP),
            Question(target, source, Protocol.TCP, OPENED_PORT),
        ]
    bystanders = [probe for probe in scene.of(scene.choice.sibling) if probe not in sources]
    return questions + [Question(*pair, Protocol.TCP, OPENED_PORT) for pair in product(bystanders, targets)]


def _try(
    scene: Scene, findings: Findings, name: str, questions: list[Question], policies: list[Policy], good: str
) -> None:
    try:
        api.wait_applied(scene.client, [host.name for host in scene.hosts], APPLIED_WITHIN)
    except api.NotYetError as error:
        findings.note(name, [str(error)], "")
        return
    cells, _ = scene.answers(questions, policies, POLICY_WAIT)
    wrong = [_problem(question, cell) for question, cell in zip(questions, cells, strict=True) if not cell.ok]
    findings.note(name, wrong, good)


def _problem(question: Question, cell: Cell) -> str:
    what = f"{question.protocol.value} {question.port}" if question.port else question.protocol.value
    return f"{cell.source} -> {cell.target} {what} is {cell.observed}, not {cell.expected}"
