"""`tminus approve | reject | acknowledge | attest`: answers to what a launch asks, signed with a person's own key."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.deciding import key_option, sit_down
from tminus.errors import UsageError

if TYPE_CHECKING:
    from cli.deciding import Desk
    from tminus.events import Answer
    from tminus.record import AskState, Record

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
    """Says no; a rejected go/no-go ends the launch as a no-go."""
    desk = sit_down(launch, key_file)
    found = _open_ask(desk.book.record, ask, "reject")
    _answer(desk, found, found.opened.decision_digest, "reject", reason=reason)


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
    """States that what is asked holds."""
    _say_yes(sit_down(launch, key_file), "attest", ask, digest, reason=reason, link=link)


@click.command("done")
@_LAUNCH
@_ASK
@_DIGEST
@_REASON
@click.option("--link", required=True, help="Where the proof is.")
@key_option
def done(launch: str, ask: str, digest: str, reason: str, link: str, key_file: Path | None) -> None:
    """States, with a link to the proof, that what a launch asked for is done."""
    _say_yes(sit_down(launch, key_file), "attest", ask, digest, reason=reason, link=link)


def _say_yes(desk: "Desk", answer: "Answer", ask: str, named: str, *, reason: str = "", link: str = "") -> None:
    """A yes is to the question that the person saw: named by its digest, or shown to them now."""
    from tminus.asking import how_to_answer, is_meant, short

    found = _open_ask(desk.book.record, ask, answer)
    digest, command = found.opened.decision_digest, how_to_answer(desk.book.launch, found.opened)
    if not named:
        _show_and_confirm(found, answer, command)
    elif not is_meant(named, digest):
        raise UsageError(
            f"what is asked now is {short(digest)} and not {named}: it changed since you saw it, or fewer than six "
            f"digits were given. Look at it again (`tminus pending`), then: {command}"
        )
    _answer(desk, found, digest, answer, reason=reason, link=link)


def _show_and_confirm(found: "AskState", answer: "Answer", command: str) -> None:
    import sys

    from tminus.asking import short

    if not sys.stdin.isatty():
        raise UsageError(f"which question did you see? Look at it (`tminus pending`), then: {command}")
    opened = found.opened
    click.echo(f"{opened.text}\nUntil {opened.deadline:%Y-%m-%d %H:%M:%S} UTC. Digest {short(opened.decision_digest)}.")
    click.confirm(f"{answer.capitalize()} {opened.ask}?", abort=True)


def _answer(desk: "Desk", to: "AskState", digest: str, answer: "Answer", *, reason: str = "", link: str = "") -> None:
    from tminus import events as ev
    from tminus import inbox

    given = ev.Answered(
        ask=to.opened.ask,
        person=desk.person.id,
        answer=answer,
        digest=digest,
        via="command line",
        reason=reason,
        link=link,
    )
    inbox.answer(desk.book, desk.frozen, desk.signed_answer(given))
    click.echo(f"Recorded: {desk.person.name} {answer} {to.opened.ask} ({digest[:19]}).")


def _open_ask(record: "Record", named: str, answer: "Answer") -> "AskState":
    if named:
        if named not in record.asks:
            raise UsageError(f"nothing called {named!r} was asked; asked were: {', '.join(record.asks) or 'nothing'}")
        return record.asks[named]
    fitting = {"approve": ("approval", "sign_off"), "acknowledge": ("acknowledgement",), "attest": ("attestation",)}
    kinds = fitting.get(answer, ("approval", "sign_off", "attestation"))
    found = [ask for ask in record.open_asks() if ask.opened.kind in kinds]
    if not found:
        raise UsageError(f"nothing is asked now that {answer} would answer; `tminus pending` lists what is")
    if len(found) > 1:
        names = ", ".join(ask.opened.ask for ask in found)
        raise UsageError(f"{len(found)} open questions could be meant ({names}); name one with --ask")
    return found[0]
