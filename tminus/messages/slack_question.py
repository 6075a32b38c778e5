"""A question's message: what is asked, what it rests on, who has answered, and buttons for each role that has not."""

from collections.abc import Iterator, Mapping, Sequence

from tminus import asking
from tminus import events as ev
from tminus.foreign_text import one_line
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.block_kit import button, buttons, context, escaped, header, sections
from tminus.messages.forms import Block, SlackLetter
from tminus.messages.overdue import waits_for
from tminus.messages.slack_dialog import REJECT
from tminus.outline import outline_of
from tminus.record import AskState
from tminus.roll_call import called_in
from tminus.seats import roles_of_seat
from tminus.spoken import counted

_YES = {"approval": "Approve", "sign_off": "Approve", "acknowledgement": "Read", "attestation": "I confirm"}
_ACTION = {
    "approval": "tminus.approve",
    "sign_off": "tminus.approve",
    "acknowledgement": "tminus.acknowledge",
    "attestation": "tminus.attest",
}
_MARKS: Mapping[str, str] = {"pass": ":white_check_mark:", "waived": ":large_orange_circle:"}
_OTHERWISE = ":x:"
_LINES = 10  # of facts or changes, each; the rest is counted
_LINE = 140  # characters of one
_NAMES = 8  # of people who could answer
_SEATS = 12  # with buttons of their own; two blocks each, of the fifty that a message may have


def question(frozen: Frozen, ask: AskState) -> Letter:
    """The message as it is now; every answer brings a new one with the same key.

    After a no there are no buttons. Hold stays while something holds: the message outlives that hold.
    """
    title = _title(frozen, ask)
    request = f"{frozen.created.launch}/{ask.opened.ask}"
    letter = SlackLetter(text=escaped(title), blocks=question_blocks(frozen, ask), living=True, request=request)
    return letter.letter(f"ask-{ask.opened.ask}")


def question_blocks(frozen: Frozen, ask: AskState) -> list[Block]:
    """What the message shows."""
    opened = ask.opened
    blocks = [header(_title(frozen, ask)), *sections(opened.text)]
    if ask.ended is not None:
        return [*blocks, *sections(f"*{ask.ended.result}*: {one_line(ask.ended.reason)}")]
    if opened.changed:
        told = _folded([_cut(line) for line in opened.changed])
        blocks += sections("\n".join(("*Changed, so whom it concerns is asked again:*", *told)))[:1]
    if opened.facts and opened.kind in {"approval", "sign_off"}:
        blocks += sections("\n".join(_evidence(frozen, opened.facts)))[:2]
    judged = asking.judge(ask, frozen.people)
    seats = [*opened.roles]
    blocks += [block for seat in seats[:_SEATS] for block in _seat(frozen, ask, seat, judged)]
    if further := seats[_SEATS:]:
        blocks += sections("Any button above answers for these too:\n" + "\n".join(_folded(further)))[:1]
    waits = f"It {waited}.\n" if (waited := waits_for(frozen, ask)) and not judged.rejected else ""
    until = f"Until {opened.deadline:%Y-%m-%d %H:%M:%S} UTC. Binds to {opened.decision_digest[:19]}."
    return [*blocks, context(f"{_cut(waits, 1500)}{until}")]


def _title(frozen: Frozen, ask: AskState) -> str:
    step = outline_of(frozen).step(ask.opened.step)
    return f"{frozen.created.title}: {step.title if step else ask.opened.step}"


def _evidence(frozen: Frozen, facts: Mapping[str, str]) -> Iterator[str]:
    """What it rests on: everything that did not plainly pass, and what passed, counted where that is much."""
    outline = outline_of(frozen)
    lines: dict[bool, list[str]] = {True: [], False: []}
    for step, fact in facts.items():
        verdict = fact.partition(" (")[0].partition(",")[0]
        known = outline.step(step)
        said = f"{_MARKS.get(verdict, _OTHERWISE)} {known.title if known else step}: {fact}"
        lines[verdict == "pass"].append(_cut(said))
    yield f"*It rests on {counted(len(facts), 'blocking step')}:*"
    yield from _folded(lines[False])
    passed = lines[True]
    if len(passed) <= _LINES:
        yield from passed
    else:
        yield f"{_MARKS['pass']} {len(passed)} pass"


def _folded(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _LINES
    return [*lines] if more <= 0 else [*lines[:_LINES], f"… and {more} more"]


def _cut(text: str, most: int = _LINE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _seat(frozen: Frozen, ask: AskState, seat: str, judged: asking.Judgement) -> list[Block]:
    who = ", ".join(asking.name_of(frozen.people, person) for person in judged.seating.filled.get(seat, ()))
    missing = judged.seating.missing.get(seat, 0)
    candidates = ", ".join(_candidates(frozen, ask, seat))
    if not missing and _is_wanted_elsewhere(frozen, ask, seat):
        said = f"*{seat}*: {who}, and for another gate it could be: {candidates}"
        return [*sections(said)[:1], _buttons(frozen, ask.opened, seat)]
    if not missing:
        return sections(f":white_check_mark: *{seat}*: {who}")[:1]
    said = f"*{seat}* ({missing} missing, could be: {candidates})" + (f", so far {who}" if who else "")
    return sections(said)[:1] if judged.rejected else [*sections(said)[:1], _buttons(frozen, ask.opened, seat)]


def _is_wanted_elsewhere(frozen: Frozen, ask: AskState, seat: str) -> bool:
    """Whether a roll-call needs somebody silent in a seat that is filled, for a gate whose time is another."""
    found, may = called_in(frozen, ask), asking.who_may(ask, frozen.people)
    return found is not None and any(seat in may.get(person, ()) for person in found.silent)


def _candidates(frozen: Frozen, ask: AskState, seat: str) -> list[str]:
    """Who could still answer in a seat, deputies last: nobody twice, and nobody their own launch."""
    out = {answer.person for answer in ask.counting() if seat in asking.seats_of(answer, ask, frozen.people)}
    may = asking.who_may(ask, frozen.people)
    found = [person for person, seats in may.items() if seat in seats and person not in out]
    theirs = {person: _is_deputy(frozen, person, seat) for person in found}
    named = [
        f"{asking.name_of(frozen.people, person)}{' as deputy' if theirs[person] else ''}"
        for person in sorted(found, key=lambda person: theirs[person])
    ]
    more = len(named) - _NAMES
    return [*named[:_NAMES], *([f"{more} more"] if more > 0 else [])] or ["nobody"]


def _is_deputy(frozen: Frozen, identity: str, seat: str) -> bool:
    """Whether somebody may take this seat only in another's place."""
    person = frozen.people.by_id(identity)
    return person is not None and person.roles.isdisjoint(roles_of_seat(seat))


def _buttons(frozen: Frozen, opened: ev.AskOpened, role: str) -> Block:
    launch, kind = frozen.created.launch, opened.kind
    value = f"{launch}|{opened.ask}|{role}|{opened.decision_digest}"
    shown = [button(opened.yes or _YES[kind], _ACTION[kind], value, "primary")]
    if kind in {"approval", "sign_off"}:
        shown.append(button("Reject", REJECT, value, "danger"))
    if kind == "approval":
        shown.append(button("Hold", "tminus.hold", value))
    return buttons(f"{launch}/{opened.ask}:{role}", shown)
