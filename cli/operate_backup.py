"""`tminus operate backup`: the launch book's backup, now, approved by one person and recorded."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.confirming import confirm
from cli.deciding import key_option
from cli.operate_files import environment_option, people_option, runbook_option
from tminus.errors import Refused, UsageError

if TYPE_CHECKING:
    from tasks.actions.backup import Backup
    from tminus.events import OperationBegan
    from tminus.ledger.store import Store
    from tminus.operation_files import Operated
    from tminus.outcome import Outcome
    from tminus.people import Person
    from tminus.personal_key import PersonalKey
    from tminus.runbook import Step

_NOT_DONE = 1


@click.command("backup")
@environment_option
@runbook_option
@people_option
@click.option("--step", "step_id", default="", help="Which backup of the book, where it has several.")
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--settle", "only_settle", is_flag=True, help="Only look how one that broke off ended, and free the place."
)
@key_option
def backup(
    environment: Path,
    runbook: Path,
    people: Path,
    step_id: str,
    reason: str,
    yes: bool,
    only_settle: bool,
    key_file: Path | None,
) -> None:
    """Takes the launch book's backup now.

    It looks, does it, looks again, and records all of it. It wants the signed approval of one person: of the step's
    owner, or of a role that the book lets waive or roll back. It holds the environment while it runs, so never beside a
    launch. Exits 0 where the backup is there, 1 where it is not, or cannot be told, 3 where a rule says no, and then
    nothing was changed. So does --settle, with 0 too where nothing broke off, and 3 where one is still under way.
    """
    from contextlib import closing

    from tasks.vocabulary import KINDS
    from tminus.ledger.opening import open_ledger
    from tminus.operation_files import Operated

    found = Operated.read(runbook, environment, None, KINDS)
    with closing(open_ledger(found.environment.ledger)) as store:
        outcome = _settle_what_broke_off(store, found, only=only_settle)
        if not only_settle:
            outcome = _back_up(store, found, _Files(runbook, people, environment), step_id, reason, key_file, yes=yes)
    if outcome is not None and not outcome.verdict.final:
        click.get_current_context().exit(_NOT_DONE)


class _Files:
    """The files of an operation, each read once."""

    def __init__(self, runbook: Path, people: Path, environment: Path) -> None:
        from tminus.yaml_source import Source

        self.people = Source.read(people)
        self._others = {"runbook": Source.read(runbook), "environment": Source.read(environment)}

    @property
    def digests(self) -> dict[str, str]:
        """Of each."""
        from tminus.frozen import digest_of

        every = {**self._others, "people": self.people}
        return {name: digest_of(source.freeze()) for name, source in every.items()}


def _back_up(
    store: "Store", found: "Operated", files: _Files, step_id: str, reason: str, key_file: Path | None, *, yes: bool
) -> "Outcome":
    import asyncio

    from flows.operation import operate
    from tminus.operations import approval

    step, action = _backup_step(found, step_id)
    key, person = _who(files, key_file)
    began = _prepared(found, files, step, action)
    said = approval(began, person, key, reason)
    click.echo(f"{began.what} of {began.system} in {began.environment_name}, as step {step.id} of its book says:")
    click.echo(f"  {began.does}")
    if not yes:
        confirm(f"{person.name}, do you approve this, now?")
    outcome = asyncio.run(operate(store, found, step, action, began, said))
    click.echo(f"{outcome.verdict:8} {outcome.summary}")
    for detail in (outcome.where, *outcome.details):
        click.echo(f"           {detail}")
    click.echo(f"Recorded as {began.operation}.")
    return outcome


def _settle_what_broke_off(store: "Store", found: "Operated", *, only: bool) -> "Outcome | None":
    """How one that broke off ended; None where there is none. Where that is all that is wanted, says so of both."""
    import asyncio

    from flows.operation import settle
    from tminus.operations import broke_off, is_operation

    place = found.environment.environment
    holder = store.locked_by(place)
    if holder is None or not is_operation(holder):
        if only:
            click.echo(
                f"No operation broke off, so there is nothing to settle: {place} is held by {holder or 'nobody'}."
            )
        return None
    if not broke_off(store, holder):
        if only:
            raise Refused(f"{place} is held by {holder}, which is still carried out; it ends by itself")
        return None
    outcome = asyncio.run(settle(store, found, holder))
    click.echo(f"{holder} broke off; {place} is free again.\n{outcome.verdict:8} {outcome.summary}")
    return outcome


def _backup_step(found: "Operated", step_id: str) -> "tuple[Step, Backup]":
    from tasks.actions.backup import Backup

    steps = {step.id: (step, step.does) for step in found.book.steps() if isinstance(step.does, Backup)}
    if not steps:
        raise UsageError(f"the book of {found.book.system} has no backup: no step of it is a postgres.backup")
    if not step_id and len(steps) > 1:
        raise UsageError(f"the book has {len(steps)} backups; say which by --step: {', '.join(steps)}")
    name = step_id or next(iter(steps))
    if name not in steps:
        raise UsageError(f"the book has no backup {step_id!r}; there are: {', '.join(steps)}")
    return steps[name]


def _who(files: _Files, key_file: Path | None) -> "tuple[PersonalKey, Person]":
    from tminus.people import People
    from tminus.personal_key import PersonalKey

    if key_file is None:
        raise UsageError("whose approval is it? Give --key, or set TMINUS_KEY to your private key's path")
    key = PersonalKey(key_file)
    return key, key.owner(files.people.load(People))


def _prepared(found: "Operated", files: _Files, step: "Step", action: "Backup") -> "OperationBegan":
    """What is to be approved, with the digest that the approval binds to."""
    from tasks.estate import Estate
    from tminus import events as ev
    from tminus.clock import now
    from tminus.operations import operation_chain, with_digest

    name = operation_chain(found.book.system, "backup", now())
    estate = Estate(found.environment, found.release, name, found.base)
    roles = dict.fromkeys((step.owner, *found.book.may_waive, *found.book.may_roll_back))
    began = ev.OperationBegan(
        operation=name,
        what="backup",
        system=found.book.system,
        environment_name=found.environment.environment,
        step=step.id,
        kind=action.kind,
        action=action.model_dump_json(),
        does=action.describe(estate),
        roles=tuple(roles),
        people=files.people.freeze(),
        digests=files.digests,
        digest="",
    )
    return with_digest(began)
