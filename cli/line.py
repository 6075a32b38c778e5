"""`tminus line`: what a person states about one line of a checklist, or accepts of it, signed with their own key."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.deciding import key_option
from cli.readiness_files import ReadinessFiles, with_readiness_files
from tminus.errors import UsageError

if TYPE_CHECKING:
    from tminus.readiness.book import Line
    from tminus.readiness.opened import Opened

_REF = click.argument("ref")
_UNTIL = click.option("--until", required=True, help="Until when: 2026-12-31, or a length such as 30d.")


@click.group("line")
def command() -> None:
    """States, accepts or shows one line of a checklist.

    States that it holds, accepts that it does not, or shows what is known of it.
    """


@command.command("attest")
@_REF
@with_readiness_files
@_UNTIL
@click.option("--link", required=True, help="Where the proof is: https://…")
@click.option("--reason", default="", help="What you looked at.")
@key_option
def attest(files: ReadinessFiles, ref: str, until: str, link: str, reason: str, key_file: Path | None) -> None:
    """States that a line holds, as its role asks, until a date."""
    from tminus.readiness.stating import state

    found, line = _found(files, ref)
    said = state(found, line, _key(key_file), link, reason, _date(until))
    click.echo(f"Recorded: {said.person} states {ref} until {said.until:%Y-%m-%d}: {said.statement}")


@command.command("waive")
@_REF
@with_readiness_files
@_UNTIL
@click.option("--reason", required=True, help="Why it is acceptable.")
@click.option("--link", default="", help="Where more is said: https://…")
@key_option
def waive(files: ReadinessFiles, ref: str, until: str, reason: str, link: str, key_file: Path | None) -> None:
    """Accepts, until a date, that a line does not hold."""
    from tminus.readiness.stating import accept

    found, line = _found(files, ref)
    said = accept(found, line, _key(key_file), reason, link, _date(until))
    click.echo(f"Recorded: {said.person} accepts {ref} until {said.until:%Y-%m-%d}: {said.reason}")


@command.command("show")
@_REF
@with_readiness_files
def show(files: ReadinessFiles, ref: str) -> None:
    """Shows what a line claims, what judges it, and what was found last."""
    from tminus.foreign_text import printable

    found, line = _found(files, ref)
    store = found.store()
    try:
        judged = next(one for one in found.judged_last(store) if one.line.ref == line.ref)
        elsewhere = found.swept_elsewhere(store)
    finally:
        store.close()
    if elsewhere:
        click.echo(elsewhere, err=True)
    click.echo(f"{ref}\n{line.title}\n{judged.verdict}: {printable(judged.summary)}\nowner: {line.owner}")
    for check in found.checklist.judged_by(line).checks:
        click.echo(f"{check.kind} {check.model_dump_json(exclude={'kind'})}")
    for outcome in judged.outcomes:
        for detail in outcome.details:
            click.echo(f"  {printable(detail)}")
    if line.why:
        click.echo(f"why so: {line.why}")


def _found(files: ReadinessFiles, ref: str) -> "tuple[Opened, Line]":
    from tminus.wording import nearest

    system = ref.partition("/")[0]
    found = files.open(system)
    line = found.checklist.line(ref)
    if line is None:
        raise UsageError(f"no line is {ref!r}{nearest(ref, [one.ref for one in found.checklist.lines()])}")
    return found, line


def _key(path: Path | None) -> "Path":
    if path is None:
        raise UsageError("whose word is it? Give --key, or set TMINUS_KEY to your private key's path")
    return path


def _date(until: str) -> "datetime":
    from tminus.readiness.stating import date_of

    return date_of(until)
