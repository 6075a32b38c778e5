"""A question's message: what is asked, who has answered, and buttons for each role that has not."""

from tminus import asking
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.block_kit import button, buttons, context, escaped, header, sections
from tminus.messages.forms import Block, SlackLetter
from tminus.outline import outline_of
from tminus.record import AskState

_YES = {"approval": "Approve", "sign_off": "Approve", "acknowledgement": "Read", "attestation": "I confirm"}
_ACTION = {
    "approval": "tminus.approve",
    "sign_off": "tminus.approve",
    "acknowledgement": "tminus.acknowledge",
    "attestation": "tminus.attest",
}


def question(frozen: Frozen, ask: AskState) -> Letter:
    """The message as it is now; every answer brings a new one with the same key.

    After a no there are no buttons. Hold stays while something holds: the message outlives that hold.
    """
    opened = ask.opened
    step = outline_of(frozen).step(opened.step)
    title = f"{frozen.created.title}: {step.title if step else opened.step}"
    blocks = [header(title), *sections(opened.text)]
    if ask.ended is not None:
        blocks += sections(f"*{ask.ended.result}*: {ask.ended.reason}")
    else:
        if opened.changed:
            blocks += sections("\n".join(("*Changed, so whom it concerns is asked again:*", *opened.changed)))
        judged = asking.judge(ask, frozen.people)
        blocks += [block for role in opened.roles for block in _role(frozen, ask, role, judged)]
        blocks.append(
            context(f"Until {opened.deadline:%Y-%m-%d %H:%M:%S} UTC. Binds to {opened.decision_digest[:19]}.")
        )
    request = f"{frozen.created.launch}/{opened.ask}"
    letter = SlackLetter(text=escaped(title), blocks=blocks, living=True, request=request)
    return letter.letter(f"ask-{opened.ask}")


def _role(frozen: Frozen, ask: AskState, role: str, judged: asking.Judgement) -> list[Block]:
    who = ", ".join(asking.name_of(frozen.people, person) for person in judged.seating.filled.get(role, ()))
    missing = judged.seating.missing.get(role, 0)
    if not missing:
        return sections(f":white_check_mark: *{role}*: {who}")
    candidates = ", ".join(_candidates(frozen, ask, role))
    said = f"*{role}* ({missing} missing, could be: {candidates})" + (f", so far {who}" if who else "")
    return sections(said) if judged.rejected else [*sections(said), _buttons(frozen, ask.opened, role)]


def _candidates(frozen: Frozen, ask: AskState, role: str) -> list[str]:
    """Who could still answer as `role`: nobody twice, and nobody their own launch."""
    out = {answer.person for answer in ask.counting() if role in asking.seats_of(answer, ask, frozen.people)}
    may = asking.who_may(ask, frozen.people)
    found = [person for person, seats in may.items() if role in seats and person not in out]
    return [asking.name_of(frozen.people, identity) for identity in found] or ["nobody"]


def _buttons(frozen: Frozen, opened: ev.AskOpened, role: str) -> Block:
    launch, kind = frozen.created.launch, opened.kind
    value = f"{launch}|{opened.ask}|{role}|{opened.decision_digest}"
    shown = [button(_YES[kind], _ACTION[kind], value, "primary")]
    if kind in {"approval", "sign_off"}:
        shown.append(button("Reject", "tminus.reject", value, "danger"))
    if kind == "approval":
        shown.append(button("Hold", "tminus.hold", value))
    return buttons(f"{launch}/{opened.ask}:{role}", shown)
