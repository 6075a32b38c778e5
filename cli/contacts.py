"""`tminus contacts`: whom to call, in an emergency: who is on call now, then the vendors."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tminus.errors import TminusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.pagerduty_rota import Duty, Level, Rota
    from tminus.contacts import Contact
    from tminus.environment import Environment

_REACH = ("reach.phone", "reach.email", "reach.url")
_SUPPORT = ("support.plan", "support.account", "support.contract")


class NotAllKnown(TminusError):
    """Something of what was to be shown could not be had."""


@click.command("contacts")
@click.option("--environment", required=True, type=click.Path(path_type=Path), help="The environment file.")
@click.option("--policy", "policies", multiple=True, help="Only this escalation policy of PagerDuty; may be repeated.")
def command(environment: Path, policies: tuple[str, ...]) -> None:
    """Says whom to call: who is on call, then the vendors.

    Who is on call now and until when, level by level, is asked of PagerDuty; how vendors are reached, and what they
    want to know of us, stands in the contacts file that the environment names. What nobody has filled in is shown as
    missing. Exits 1 where one of the two cannot be read, after showing the other.
    """
    from tminus.environment import Environment
    from tminus.foreign_text import printable
    from tminus.yaml_source import Source

    place = Source.read(environment).load(Environment)
    troubles = [*_show_on_call(place, policies), *_show_contacts(place, environment.parent)]
    if troubles:
        raise NotAllKnown(printable("; ".join(troubles)))


def _show_on_call(place: "Environment", policies: "Sequence[str]") -> "Iterator[str]":
    """Prints who is on call; yields why it could not."""
    import asyncio

    from tasks.pagerduty_rota import on_call_now

    click.secho("On call now", bold=True)
    try:
        found = asyncio.run(on_call_now(place, policies))
    except TminusError as e:
        click.echo("  not known")
        yield str(e)
        return
    for rota in found:
        for line in _rota_lines(rota):
            _say(line)
    if not found:
        click.echo("  nobody: PagerDuty has no escalation policy")


def _say(line: str) -> None:
    """Prints what PagerDuty, or somebody in a file, wrote."""
    from tminus.foreign_text import printable

    click.echo(printable(line))


def _rota_lines(rota: "Rota") -> "Iterator[str]":
    yield f"  {rota.policy}"
    for level in rota.levels:
        yield f"    level {level.number}: {_people(level)}"


def _people(level: "Level") -> str:
    people = "; ".join(_duty(duty) for duty in level.people) or "NOBODY"
    return people if level.next_after is None else f"{people} (the next level after {level.next_after} min)"


def _duty(duty: "Duty") -> str:
    return f"{duty.person}, " + (f"until {duty.until:%a %Y-%m-%d %H:%M} UTC" if duty.until else "always")


def _show_contacts(place: "Environment", folder: Path) -> "Iterator[str]":
    """Prints the contacts file; yields why it could not."""
    from tminus.contacts import Contacts

    click.echo()
    click.secho("Contacts", bold=True)
    if place.contacts is None:
        click.echo("  not known")
        yield "the environment names no contacts; add the file to the environment file"
        return
    try:
        found = Contacts.read(folder / place.contacts)
    except TminusError as e:
        click.echo("  not known")
        yield str(e)
        return
    for contact in found.contacts:
        for line in _contact_lines(contact):
            _say(line)


def _contact_lines(contact: "Contact") -> "Iterator[str]":
    from tminus.clock import now

    fields, placeholders = contact.fields(), set(contact.placeholders())
    known = {name: value for name, value in fields.items() if value and name not in placeholders}
    yield f"  {contact.id}: {known.get('what', 'MISSING what for')}"
    yield f"    {known.get('name', 'MISSING name')}"
    reach = [known[name] for name in _REACH if name in known]
    yield f"    {', '.join(reach)}" if reach else "    MISSING phone, email and url"
    support = [f"{name.partition('.')[2]} {known[name]}" for name in _SUPPORT if name in known]
    if support:
        yield f"    {', '.join(support)}"
    if unfilled := [name for name in (*_REACH, *_SUPPORT) if name in placeholders]:
        yield f"    MISSING {', '.join(unfilled)}: a placeholder stands there"
    today = now().date()
    day = contact.confirmed_on(today)
    yield f"    confirmed {day}, {(today - day).days} days ago" if day else "    NEVER confirmed"
