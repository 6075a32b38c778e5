"""Slack: one living message a launch, one a question with its buttons, and notes in the thread."""

from collections.abc import Sequence

from tminus import asking
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.forms import Block, SlackLetter
from tminus.record import AskState, Record

BOARD = "board"
_TEXT_LIMIT = 2900  # Slack refuses a section of more than 3,000 characters
_YES = {"approval": "Approve", "sign_off": "Approve", "acknowledgement": "Read", "attestation": "I am watching"}
_ACTION = {
    "approval": "tminus.approve",
    "sign_off": "tminus.approve",
    "acknowledgement": "tminus.acknowledge",
    "attestation": "tminus.attest",
}
_MARK = {"launched": ":white_check_mark:", "rolled back": ":leftwards_arrow_with_hook:"}


def letters(frozen: Frozen, event: ev.Event, record: Record) -> Sequence[Letter]:  # noqa: C901, PLR0912 - one arm an event
    """What Slack is told of an event; `record` is the launch before it."""
    match event:
        case ev.LaunchCreated():
            return [_board(frozen, f"Created by {event.started_by}. T-0 at {event.t0:%Y-%m-%d %H:%M:%S} UTC.")]
        case ev.PhaseStarted():
            return [_board(frozen, f"{event.phase} is under way.")]
        case ev.AskOpened():
            return [_question(frozen, AskState(event))]
        case ev.Answered() if event.ask in record.asks:
            before = record.asks[event.ask]
            return [_question(frozen, AskState(before.opened, [*before.answers, event]))]
        case ev.AskEnded() if event.ask in record.asks:
            before = record.asks[event.ask]
            return [_question(frozen, AskState(before.opened, before.answers, event))]
        case ev.AnswerRefused():
            return [_note(f"{event.who}: {event.what} does not count: {event.why}", record)]
        case ev.Ordered():
            return [_note(f"{_name(frozen, event.person)} said {event.order} {event.step}: {event.reason}", record)]
        case ev.Held():
            return [_board(frozen, f"HELD. {event.why}"), _note(f"Held: {event.why}", record)]
        case ev.RollbackBegan():
            return [_board(frozen, f"ROLLING BACK. {event.why}"), _note(f"Rolling back: {event.why}", record)]
        case ev.RollbackEnded():
            return [_note(f"Rollback {'proven' if event.proven else 'NOT PROVEN'}: {event.said}", record)]
        case ev.HeadAnchored():
            return [_note(f"Head of the record: {frozen.created.launch}#{event.seq}:{event.hash}", record)]
        case ev.LaunchClosed():
            mark = _MARK.get(event.result, ":no_entry:")
            return [_board(frozen, f"{mark} {event.sentence}"), _note(event.sentence, record)]
        case _:
            return []


def _board(frozen: Frozen, now: str) -> Letter:
    title = frozen.created.title
    blocks = [_header(title), _section(now), _context(_provenance(frozen))]
    return SlackLetter(text=f"{title}: {now}", blocks=blocks, living=True).letter(BOARD)


def _note(text: str, record: Record) -> Letter:
    return SlackLetter(text=text, thread=BOARD).letter(f"note-{record.seq + 1}-{abs(hash(text)) % 10_000}")


def _question(frozen: Frozen, ask: AskState) -> Letter:
    opened = ask.opened
    step = frozen.runbook.step(opened.step)
    title = f"{frozen.created.title}: {step.title if step else opened.step}"
    blocks = [_header(title), _section(opened.text)]
    if ask.ended is not None:
        blocks.append(_section(f"*{ask.ended.result}*: {ask.ended.reason}"))
    else:
        blocks.extend(block for role in opened.roles for block in _role(frozen, ask, role))
        blocks.append(_context(f"Until {opened.deadline:%H:%M:%S} UTC. Binds to {opened.decision_digest[:19]}."))
    request = f"{frozen.created.launch}/{opened.ask}"
    return SlackLetter(text=title, blocks=blocks, living=True, request=request).letter(f"ask-{opened.ask}")


def _role(frozen: Frozen, ask: AskState, role: str) -> list[Block]:
    judgement = asking.judge(ask, frozen.people)
    seated = judgement.seating.filled.get(role, ())
    missing = judgement.seating.missing.get(role, 0)
    who = ", ".join(_name(frozen, person) for person in seated)
    if not missing:
        return [_section(f":white_check_mark: *{role}*: {who}")]
    candidates = ", ".join(person.name for person in frozen.people.with_role(role))
    said = f"*{role}* ({missing} missing, could be: {candidates})" + (f", so far {who}" if who else "")
    return [_section(said), _buttons(frozen, ask.opened, role)]


def _buttons(frozen: Frozen, opened: ev.AskOpened, role: str) -> Block:
    launch = frozen.created.launch
    value = f"{launch}|{opened.ask}|{role}|{opened.decision_digest}"
    yes: Block = {**_button(_YES[opened.kind], _ACTION[opened.kind], value), "style": "primary"}
    buttons: list[Block] = [yes]
    if opened.kind in {"approval", "sign_off"}:
        buttons.append({**_button("Reject", "tminus.reject", value), "style": "danger"})
    if opened.kind == "approval":
        buttons.append(_button("Hold", "tminus.hold", value))
    return {"type": "actions", "block_id": f"{launch}/{opened.ask}:{role}", "elements": [*buttons]}


def _button(label: str, action: str, value: str) -> Block:
    return {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": label},
        "value": value,
    }


def _name(frozen: Frozen, person: str) -> str:
    found = frozen.people.by_id(person)
    return found.name if found else person


def _provenance(frozen: Frozen) -> str:
    digests = frozen.created.digests
    return f"{frozen.created.launch} · release {digests['release'][7:19]} · book {digests['runbook'][7:19]}"


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text[:150]}}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_TEXT_LIMIT]}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:_TEXT_LIMIT]}]}
