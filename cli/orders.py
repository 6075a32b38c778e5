"""`tminus hold | resume | recycle | scrub | rollback | retry | waive`: orders, signed with a person's own key."""

from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.confirming import ask_back, confirm
from cli.deciding import did_you_mean, key_option, require_digits, sit_down
from tminus.errors import UsageError

if TYPE_CHECKING:
    from cli.deciding import Desk
    from tminus.events import Order

_LAUNCH = click.argument("launch")
_STEP = click.argument("step")
_REASON = click.option("--reason", required=True, help="Why, for the record and the debrief.")
_YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@click.command("hold")
@_LAUNCH
@_REASON
@key_option
def hold(launch: str, reason: str, key_file: Path | None) -> None:
    """Stops new steps; never the watch or a rollback.

    Nor an undo, a page, or the deadline of a question.
    """
    _order(launch, "hold", reason, key_file)


@click.command("resume")
@_LAUNCH
@click.option("--reason", default="", help="Why it may go on.")
@key_option
def resume(launch: str, reason: str, key_file: Path | None) -> None:
    """Goes on after a hold, whoever held. A step that was blocked is tried again."""
    from tminus.ordering import let_go_by_resume, still_held

    desk = sit_down(launch, key_file)
    seen = desk.book.record.seq
    held = let_go_by_resume(desk.frozen, desk.book.record, seen)
    _give(desk, "resume", "; ".join(filter(None, (reason, held and f"lets go of what was held by {held}"))), seen=seen)
    if held:
        click.echo(f"Let go of what was held by {held}.")
    if still := still_held(desk.frozen, desk.book.record):
        click.echo(still)


@click.command("recycle")
@_LAUNCH
@_REASON
@key_option
def recycle(launch: str, reason: str, key_file: Path | None) -> None:
    """Observes everything again, before the first change. Refused once one has begun."""
    _order(launch, "recycle", reason, key_file)


@click.command("scrub")
@_LAUNCH
@_REASON
@_YES
@key_option
def scrub(launch: str, reason: str, yes: bool, key_file: Path | None) -> None:
    """Ends the launch; after a change, by a rollback.

    Where it would not count it is refused at once; else what comes of it is shown, and asked about.
    """
    _end(sit_down(launch, key_file), "scrub", reason, "" if yes else f"Scrub {launch}?")


@click.command("rollback")
@_LAUNCH
@_REASON
@_YES
@click.option("--here", is_flag=True, help="Do it in this process, without Prefect and without the ledger if need be.")
@click.option(
    "--environment",
    type=click.Path(path_type=Path),
    help="With --here, where the ledger is down: the environment file.",
)
@key_option
def rollback(launch: str, reason: str, yes: bool, here: bool, environment: Path | None, key_file: Path | None) -> None:
    """Goes back to the old version, until T+4h closes.

    By one on-duty person. Where it would not count it is refused at once; else what is undone is shown, and asked
    about.
    """
    question = "" if yes else f"Roll {launch} back to the old version?"
    if here:
        _roll_back_here(launch, reason, key_file, environment, question)
    else:
        _end(sit_down(launch, key_file), "rollback", reason, question)


def _end(desk: "Desk", order: "Order", reason: str, question: str) -> None:
    """Asks back, unless there is nothing to ask, and gives the order; says where it comes to more by then.

    A scrub is bound to what its author saw. A rollback is not: what began since is undone as well.
    """
    from tminus.ordering import what_comes_of

    if not question:
        _give(desk, order, reason)
        return
    said = ask_back(desk, order, question)
    _give(desk, order, reason, seen=desk.book.record.seq if order == "scrub" else None)
    if (stands := what_comes_of(desk.book.record)) != said:
        click.echo(f"As things stand now: {stands}")


def _roll_back_here(launch: str, reason: str, key_file: Path | None, environment: Path | None, question: str) -> None:
    from flows.by_hand import ByHand, look_ahead, roll_back_here
    from tminus.personal_key import PersonalKey

    if key_file is None:
        raise UsageError("whose decision is it? Give --key, or set TMINUS_KEY to your private key's path")
    asked = ByHand(launch, reason, PersonalKey(key_file), environment, click.echo)
    with look_ahead(asked) as ahead:
        if question:
            confirm(f"{ahead.question()}\n{question}")
        if not roll_back_here(ahead):
            raise SystemExit(1)


@click.command("retry")
@_LAUNCH
@_STEP
@click.option("--reason", default="", help="What was mended.")
@key_option
def retry(launch: str, step: str, reason: str, key_file: Path | None) -> None:
    """Tries a step that did not pass again."""
    desk = sit_down(launch, key_file)
    _require_step(desk, step)
    _give(desk, "retry", reason, step)


@click.command("waive")
@_LAUNCH
@_STEP
@_REASON
@click.option(
    "--until",
    required=True,
    help="How long it holds: a day such as 2026-12-01, to its end in UTC, or a time with its zone.",
)
@click.option(
    "--digest",
    default="",
    help="The digest of the failure you saw, as `tminus status` shows it; without it you are shown it and asked.",
)
@key_option
def waive(launch: str, step: str, reason: str, until: str, digest: str, key_file: Path | None) -> None:
    """Accepts a failed step as you saw it, until a date.

    Where it would not count it is refused at once; else the failure is shown, and asked about.
    """
    ends = _date(until)
    desk = sit_down(launch, key_file)
    _require_step(desk, step)
    if digest:
        require_digits(digest, f"`tminus status {launch}`")
    _refuse_vain_waiver(desk, reason, step, ends)
    _give(desk, "waive", reason, step, ends, digest=_failure_seen(desk, step, digest))


def _refuse_vain_waiver(desk: "Desk", reason: str, step: str, until: datetime) -> None:
    """Raises Refused, which is written down, where the waiver would not count whichever failure was seen."""
    from tminus import inbox
    from tminus.clock import now
    from tminus.digests import failure_digest
    from tminus.ordering import why_order_refused

    record = desk.book.record
    given = desk.ordered("waive", reason, step, until, digest=failure_digest(record.step(step)))
    if why := why_order_refused(given, record, desk.frozen, now()):
        inbox.refuse(desk.book, given.person, f"waive {step}", why, given.via)


def _require_step(desk: "Desk", named: str) -> None:
    """Raises UsageError, with the nearest names, where the book has no such step."""
    from tminus.outline import outline_of

    steps = [step.id for step in outline_of(desk.frozen).steps()]
    if named not in steps:
        meant = f"{did_you_mean(named, steps)}`tminus status {desk.book.launch}` shows what did not pass"
        raise UsageError(f"the book has no step called {named!r}; {meant}")


def _failure_seen(desk: "Desk", step: str, named: str) -> str:
    """The digest of the failure that is waived: named by the person, or shown to them now."""
    import sys

    from tminus.asking import is_meant, short
    from tminus.digests import failure_digest, failure_of

    launch, state = desk.book.launch, desk.book.record.step(step)
    digest = failure_digest(state)
    failed = f"{step} failed: {failure_of(state, digest)}"
    if named and not is_meant(named, digest):
        then = failure_of(state, f"sha256:{named.removeprefix('sha256:').lower()}")
        was = f"is of {then}" if then else f"names no failure of {step}: it is another step's, or another launch's"
        look = f"Look at it with `tminus status {launch}`, and waive what you see there if that is right"
        raise UsageError(f"--digest {named} {was}; now {failed}. {look}")
    if not named and not sys.stdin.isatty():
        look = f"Look at it with `tminus status {launch}`, and give the --digest that it shows there"
        raise UsageError(f"which failure did you see? {failed}. {look}")
    click.echo(f"{failed}. Digest {short(digest)}.")
    if not named:
        confirm(f"Waive {step}?")
    return digest


def _date(text: str) -> datetime:
    """The end of a day, in UTC, where no more than that is named; else the moment, in UTC where it has no zone."""
    from tminus.clock import end_of_day

    with suppress(ValueError):
        return end_of_day(date.fromisoformat(text))
    try:
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise UsageError(f"--until {text!r} is no date; write 2026-12-01 or 2026-12-01T12:00:00+00:00") from e
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _order(launch: str, order: "Order", reason: str, key_file: Path | None) -> None:
    _give(sit_down(launch, key_file), order, reason)


def _give(
    desk: "Desk",
    order: "Order",
    reason: str,
    step: str = "",
    until: datetime | None = None,
    *,
    digest: str = "",
    seen: int | None = None,
) -> None:
    from tminus import inbox
    from tminus.ordering import still_blocked, until_said

    given = desk.ordered(order, reason, step, until, digest=digest, seen=seen)
    inbox.order(desk.book, desk.frozen, desk.signed_order(given))
    click.echo(f"Recorded: {desk.person.name} {order} {step}".strip() + f"{until_said(given)}.")
    if blocked := still_blocked(desk.frozen, desk.book.record, given):
        click.echo(blocked)
