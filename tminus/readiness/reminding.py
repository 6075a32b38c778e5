"""What people are told of recurring lines: a page to the owner of what is overdue, one Slack message a week."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tminus import events as ev
from tminus.environment import Environment
from tminus.ledger.store import Letter
from tminus.messages.block_kit import context, escaped, header, sections
from tminus.messages.forms import Block, PagerDutyLetter, SlackLetter
from tminus.readiness.due import DueState, Recurring
from tminus.spoken import counted, role_said

_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters
_NAMED = 20  # lines named in one page; the message and `tminus reviews` have all


def week_of(at: datetime) -> str:
    """The ISO week that a moment lies in: `2026-W48`."""
    year, week, _ = at.isocalendar()
    return f"{year}-W{week:02}"


def reviews_told(recurring: Sequence[Recurring], before: Sequence[ev.ReviewsTold], at: datetime) -> ev.ReviewsTold:
    """What is told now; `before` is what was told earlier, the latest last."""
    open_lines = [one for one in recurring if one.state is not DueState.DONE]
    paged = _owners(one for one in open_lines if one.state is DueState.OVERDUE)
    last = before[-1].paged if before else ()
    return ev.ReviewsTold(
        at=at,
        week=week_of(at),
        done=len(recurring) - len(open_lines),
        lines=tuple(one.told() for one in open_lines),
        paged=paged,
        resolved=tuple(owner for owner in last if owner not in paged),
    )


def letters(
    environment: Environment, chain: str, system: str, told: ev.ReviewsTold, recurring: Sequence[Recurring]
) -> list[Letter]:
    """The letters that carry it, for the channels that the environment has and for its couriers.

    A page's key is the system's chain and the owner, so that what is overdue again and again is one incident. The
    message's key is the week: told again within it, the same message changes.
    """
    found: list[Letter] = []
    if environment.pagerduty is not None:
        for owner in told.paged:
            overdue = [one for one in recurring if one.state is DueState.OVERDUE and one.line.owner == owner]
            found.append(_page(environment, system, owner, overdue).letter(page_key(chain, owner)))
        for owner in told.resolved:
            said = f"{system}: nothing of the {role_said(owner)} is overdue any more"
            found.append(PagerDutyLetter(op="resolve", summary=said).letter(page_key(chain, owner)))
    if environment.slack is not None:
        found.append(_message(environment, system, told, recurring).letter(f"reviews-{told.week}"))
    return [replace(letter, environment=environment.environment) for letter in found]


def page_key(chain: str, owner: str) -> str:
    """The dedup key of an owner's page."""
    return f"{chain}:reviews:{owner}"


def sentence(system: str, recurring: Sequence[Recurring]) -> str:
    """`vatic: 2 recurring lines are overdue, 1 is due, 9 are done`."""
    counts = {state: sum(one.state is state for one in recurring) for state in DueState}
    said = [
        f"{counted(counts[DueState.OVERDUE], 'recurring line')} overdue",
        f"{counts[DueState.DUE]} due within 3 days",
        f"{counts[DueState.NEVER]} never done",
        f"{counts[DueState.DONE]} done",
    ]
    return f"{system}: {', '.join(said)}"


def what_to_type(system: str, one: Recurring) -> str:
    """The command that makes a line done: a statement where a person judges it, else a new look after mending."""
    if one.judge.attestation is not None:
        return f"tminus line attest {one.judge.ref} --until DATE --link PROOF --environment FILE --people FILE"
    return f"tminus readiness {system} --section {one.judged.section.section} --environment FILE"


def _page(environment: Environment, system: str, owner: str, overdue: Sequence[Recurring]) -> PagerDutyLetter:
    first = min(overdue, key=lambda one: one.due)
    more = f", and {len(overdue) - 1} more" if len(overdue) > 1 else ""
    said = f"{system}: {first.line.title} is {first.said}{more}; {role_said(owner)} owns it"
    details = {
        "overdue": "\n".join(f"{one.line.ref}: {one.line.title}: {one.said}" for one in overdue[:_NAMED]),
        "owner": role_said(owner),
        "to mark as done": "\n".join(dict.fromkeys(what_to_type(system, one) for one in overdue[:_NAMED])),
        "to see all": f"tminus reviews {system} --environment FILE",
        "what tminus does if nobody answers": "It tells it again next week; nothing is changed by itself.",
        "environment": environment.environment,
        "system": system,
    }
    if len(overdue) > _NAMED:
        details["and more"] = f"{len(overdue) - _NAMED}; `tminus reviews {system} --environment FILE` lists them"
    return PagerDutyLetter(op="trigger", severity="warning", summary=_short(said), details=details)


def _message(
    environment: Environment, system: str, told: ev.ReviewsTold, recurring: Sequence[Recurring]
) -> SlackLetter:
    open_lines = [one for one in recurring if one.state is not DueState.DONE]
    said = sentence(system, recurring)
    blocks: list[Block] = [header(f"{system}, week {told.week}: what is due")]
    for owner in _owners(open_lines):
        mine = "\n".join(
            f"• {one.line.title}: {one.said}\n   {what_to_type(system, one)}"
            for one in open_lines
            if one.line.owner == owner
        )
        blocks += sections(f"{role_said(owner)}\n{mine}")
    if not open_lines:
        blocks += sections("Nothing: every recurring line is done.")
    look = f"tminus reviews {system} --environment FILE"
    blocks = [*blocks[:_BLOCKS], context(f"{said} · {environment.environment} · {look}")]
    return SlackLetter(text=escaped(said), blocks=blocks, living=True)


_BLOCKS = 48  # of the 50 that Slack takes, one is the last line and one says that it is late


def _owners(lines: Iterable[Recurring]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.line.owner for one in lines))


def _short(said: str) -> str:
    return said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…"
