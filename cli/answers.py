"""`tminus approve | reject | acknowledge | attest`: answers to what a launch asks, signed with a person's own key."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.deciding import key_option, sit_down
from tminus.errors import UsageError

if TYPE_CHECKING:
    from tminus.events import Answer
    from tminus.record import AskState, Record

_LAUNCH = click.argument("launch")
_ASK = click.option(
    "--ask", default="", help="Which question, where more than one is open (`tminus pending` lists them)."
)
_REASON = click.option("--reason", default="", help="Why, for the record.")


@click.command("approve")
@_LAUNCH
@_ASK
@_REASON
@key_option
def approve(launch: str, ask: str, reason: str, key_file: Path | None) -> None:
    """Says yes to a go/no-go or a sign-off."""
    _answer(launch, ask, "approve", reason, "", key_file)


@click.command("reject")
@_LAUNCH
@_ASK
@click.option("--reason", required=True, help="Why; it becomes the reason of the no-go.")
@key_option
def reject(launch: str, ask: str, reason: str, key_file: Path | None) -> None:
    """Says no; a rejected go/no-go ends the launch as a no-go."""
    _answer(launch, ask, "reject", reason, "", key_file)


@click.command("acknowledge")
@_LAUNCH
@_ASK
@key_option
def acknowledge(launch: str, ask: str, key_file: Path | None) -> None:
    """Confirms that a brief or a debrief was read."""
    _answer(launch, ask, "acknowledge", "", "", key_file)


@click.command("attest")
@_LAUNCH
@_ASK
@_REASON
@click.option("--link", default="", help="Where the proof is.")
@key_option
def attest(launch: str, ask: str, reason: str, link: str, key_file: Path | None) -> None:
    """States that what is asked holds."""
    _answer(launch, ask, "attest", reason, link, key_file)


@click.command("done")
@_LAUNCH
@_ASK
@_REASON
@click.option("--link", required=True, help="Where the proof is.")
@key_option
def done(launch: str, ask: str, reason: str, link: str, key_file: Path | None) -> None:
    """States, with a link to the proof, that what a launch asked for is done."""
    _answer(launch, ask, "attest", reason, link, key_file)


def _answer(launch: str, ask: str, answer: "Answer", reason: str, link: str, key_file: Path | None) -> None:
    from tminus import events as ev
    from tminus import inbox

    desk = sit_down(launch, key_file)
    found = _open_ask(desk.book.record, ask, answer)
    digest = found.opened.decision_digest
    given = ev.Answered(
        ask=found.opened.ask,
        person=desk.person.id,
        answer=answer,
        digest=digest,
        via="command line",
        reason=reason,
        link=link,
    )
    inbox.answer(desk.book, desk.frozen, desk.signed_answer(given))
    click.echo(f"Recorded: {desk.person.name} {answer} {found.opened.ask} ({digest[:19]}).")


def _open_ask(record: "Record", named: str, answer: "Answer") -> "AskState":
    if named:
        if named not in record.asks:
            raise UsageError(f"nothing called {named!r} was asked; asked were: {', '.join(record.asks) or 'nothing'}")
        return record.asks[named]
    fitting = {"approve": ("approval", "sign_off"), "acknowledge": ("acknowledgement",), "attest": ("attestation",)}
    kinds = fitting.get(answer, ("approval", "sign_off", "attestation"))
    found = [ask for ask in record.open_asks() if ask.opened.kind in kinds]
    if len(found) != 1:
        names = ", ".join(ask.opened.ask for ask in found) or "none"
        raise UsageError(f"{len(found)} open questions could be meant ({names}); name one with --ask")
    return found[0]
