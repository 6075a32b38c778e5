"""`tminus approve | reject | acknowledge | attest | done`: answers to what is asked, each signed with a key."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cli.confirming import confirm
from cli.deciding import did_you_mean, key_option, require_digits, sit_down
from tminus.errors import UsageError

if TYPE_CHECKING:
    from cli.deciding import Desk
    from tminus.events import Answer, Answered
    from tminus.record import AskState

_Word = Literal["approve", "reject", "acknowledge", "attest", "done"]
_KINDS: Mapping[_Word, tuple[str, ...]] = {
    "approve": ("approval", "sign_off"),
    "reject": ("approval", "sign_off", "attestation"),
    "acknowledge": ("acknowledgement",),
    "attest": ("attestation",),
    "done": ("attestation",),
}

_LAUNCH = click.argument("launch")
_ASK = click.option(
    "--ask", default="", help="Which question, where more than one is open (`tminus pending` lists them)."
)
_DIGEST = click.option(
    "--digest",
    default="",
    help="The digest of the question you saw, as `tminus pending` shows it; without it you are shown it and asked.",
)
_REASON = click.option("--reason", default="", help="Why, for the record.")


@click.command("approve")
@_LAUNCH
@_ASK
@_DIGEST
@_REASON
@key_option
def approve(launch: str, ask: str, digest: str, reason: str, key_file: Path | None) -> None:
    """Says yes to a go/no-go or a sign-off."""
    _say_yes(sit_down(launch, key_file), "approve", ask, digest, reason=reason)


@click.command("reject")
@_LAUNCH
@_ASK
@click.option("--reason", required=True, help="Why; it becomes the reason of the no-go.")
@key_option
def reject(launch: str, ask: str, reason: str, key_file: Path | None) -> None:
    """Says no; a rejected go/no-go ends as a no-go."""
    desk = sit_down(launch, key_file)
    found = _meant(desk, ask, "reject")
    _answer(desk, found, "reject", reason=reason)


@click.command("acknowledge")
@_LAUNCH
@_ASK
@_DIGEST
@key_option
def acknowledge(launch: str, ask: str, digest: str, key_file: Path | None) -> None:
    """Confirms that a brief or a debrief was read."""
    _say_yes(sit_down(launch, key_file), "acknowledge", ask, digest)


@click.command("attest")
@_LAUNCH
@_ASK
@_DIGEST
@_REASON
@click.option("--link", default="", help="Where the proof is.")
@key_option
def attest(launch: str, ask: str, digest: str, reason: str, link: str, key_file: Path | None) -> None:
    """States that what is asked holds, as you know it.

    Where it asks for work that leaves a proof, `done` says the same and wants the link to it.
    """
    _say_yes(sit_down(launch, key_file), "attest", ask, digest, reason=reason, link=link)


@click.command("done")
@_LAUNCH
@_ASK
@_DIGEST
@_REASON
@click.option("--link", required=True, help="Where the proof is.")
@key_option
def done(launch: str, ask: str, digest: str, reason: str, link: str, key_file: Path | None) -> None:
    """States that work is done, with a link to the proof.

    It answers the same questions as `attest`, and counts the same; it just never goes without the link.
    """
    _say_yes(sit_down(launch, key_file), "done", ask, digest, reason=reason, link=link)


def _say_yes(desk: "Desk", word: _Word, ask: str, named: str, *, reason: str = "", link: str = "") -> None:
    """A yes is to the question that the person saw: named by its digest, or shown to them now.

    What would not count is refused before anybody looks at a digest: it would be the wrong thing to mend.
    """
    if named:
        require_digits(named, "`tminus pending`")
    found = _meant(desk, ask, word)
    _refuse_what_cannot_count(desk, found, word)
    if named:
        _require_meant(found, named)
    else:
        _show_and_confirm(found, word)
    _answer(desk, found, word, reason=reason, link=link)


def _meant(desk: "Desk", named: str, word: _Word) -> "AskState":
    """The question that is meant: as named, the only open one of the kind, or the last of it where none is open."""
    record = desk.book.record
    if named:
        if named not in record.asks:
            asked = f"asked were: {', '.join(record.asks) or 'nothing'}"
            raise UsageError(f"nothing called {named!r} was asked; {did_you_mean(named, record.asks)}{asked}")
        return record.asks[named]
    fitting = [ask for ask in record.asks.values() if ask.opened.kind in _KINDS[word]]
    found = [ask for ask in record.open_asks() if ask in fitting] or fitting[-1:]
    if not found:
        _refuse_where_over(desk, word)
        others = "; ".join(_how_else(desk, ask) for ask in record.open_asks())
        raise UsageError(
            f"nothing was asked yet that {word} would answer; {others or '`tminus pending` lists what is asked'}"
        )
    if len(found) > 1:
        names = ", ".join(ask.opened.ask for ask in found)
        raise UsageError(f"{len(found)} open questions could be meant ({names}); name one with --ask")
    return found[0]


def _how_else(desk: "Desk", ask: "AskState") -> str:
    """An open question, and how it is answered; by a command that shows it first."""
    from tminus.asking import how_to_answer

    how, _, _ = how_to_answer(desk.book.launch, ask.opened).partition(" --digest ")
    return f"{ask.opened.ask} is open; `{how}` shows it and answers it"


def _refuse_where_over(desk: "Desk", word: _Word) -> None:
    from tminus import inbox

    if (closed := desk.book.record.closed) is not None:
        why = f"the launch is over: {closed.sentence}"
        inbox.refuse(desk.book, desk.person.id, word, why, "command line")


def _refuse_what_cannot_count(desk: "Desk", to: "AskState", word: _Word) -> None:
    from tminus import asking, inbox
    from tminus.clock import now

    given = _given(desk, to, word)
    why = asking.why_refused(given, desk.book.record, desk.frozen.people, now())
    if why is not None:
        said = why.replace(repr(given.answer), repr(word), 1)  # what was typed, where the answer is called otherwise
        inbox.refuse(desk.book, given.person, f"{word} {given.ask}", said, given.via)


def _require_meant(found: "AskState", named: str) -> None:
    """Never shows the digest that would do: whoever pastes that has looked at nothing."""
    from tminus.asking import is_meant

    opened = found.opened
    if is_meant(named, opened.decision_digest):
        return
    look = "Look at it with `tminus pending`, and answer what you see there"
    if any(is_meant(named, earlier) for earlier in found.bound):
        changed = f" ({'; '.join(opened.changed)})" if opened.changed else ""
        raise UsageError(f"--digest {named} is of {opened.ask} as it was; it has changed since{changed}. {look}")
    raise UsageError(
        f"--digest {named} does not name {opened.ask}: it is another question's, or of before a recycle. {look}"
    )


def _show_and_confirm(found: "AskState", word: _Word) -> None:
    import sys

    from cli.pending import plain
    from tminus.asking import short

    if not sys.stdin.isatty():
        raise UsageError(
            "which question did you see? Look at it with `tminus pending`, and give the --digest that stands there"
        )
    opened = found.opened
    until = f"Until {opened.deadline:%Y-%m-%d %H:%M:%S} UTC. Digest {short(opened.decision_digest)}."
    click.echo(f"{plain(opened.text)}\n{until}")
    confirm(f"{word.capitalize()} {opened.ask}?")


def _given(desk: "Desk", to: "AskState", word: _Word, *, reason: str = "", link: str = "") -> "Answered":
    """An answer to the question as it was read."""
    from tminus import events as ev

    answer: Answer = "attest" if word == "done" else word
    return ev.Answered(
        ask=to.opened.ask,
        person=desk.person.id,
        answer=answer,
        digest=to.opened.decision_digest,
        via="command line",
        reason=reason,
        link=link,
    )


def _answer(desk: "Desk", to: "AskState", word: _Word, *, reason: str = "", link: str = "") -> None:
    from tminus import inbox

    given = _given(desk, to, word, reason=reason, link=link)
    inbox.answer(desk.book, desk.frozen, desk.signed_answer(given))
    click.echo(f"Recorded: {desk.person.name} {word} {given.ask} ({given.digest[:19]}).")
