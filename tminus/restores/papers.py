"""What a restore is asked with: the book, the people and the environment, frozen as a launch's are, and read back."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import rfc8785
from pydantic import JsonValue

from tminus import events as ev
from tminus.backups.book import BackupBook
from tminus.backups.opened import FILE, OpenedBackups
from tminus.chain_names import restore_chain
from tminus.environment import Environment
from tminus.errors import UsageError
from tminus.frozen import Frozen, digest_of
from tminus.people import People
from tminus.yaml_source import Source

STEP = "switch"
"""The step that is asked for, and that changes something."""
_TITLES = {
    "halted": "Trading is halted",
    "save": "What is there now is backed up",
    "beside": "The backup is restored beside it, and agrees",
    "halted-still": "Trading is halted still",
    STEP: "Live data are switched to the restored copy",
}
STEPS = tuple(_TITLES)
"""A restore's steps, in their order."""


@dataclass(frozen=True)
class Papers:
    """The three files, read and found good."""

    book: Source
    people: Source
    environment: Source

    @classmethod
    def read(cls, runbook: Path, people: Path, environment: Path) -> "Papers":
        """Raises BookError with every mistake, UsageError where a file cannot be read, or says nothing of restoring."""
        book = Source.read(runbook / FILE if runbook.is_dir() else runbook)
        found = cls(book, Source.read(people), Source.read(environment))
        require_rules(book.load(BackupBook))
        found.people.load(People)
        found.environment.load(Environment)
        return found

    def frozen(self, store: str, instant: datetime, asked_by: str, at: datetime) -> Frozen:
        """A restore of a store that is asked for at that moment."""
        book, environment = self.book.load(BackupBook), self.environment.load(Environment)
        owner = book.stores[store].owner
        # Whoever decides reads titles and owners as those of a launch's steps.
        phase: JsonValue = {
            "phase": "restore",
            "steps": [{"id": step, "title": title, "owner": owner} for step, title in _TITLES.items()],
        }
        outline: dict[str, JsonValue] = {"runbook": "restore", "phases": [phase], "backups": self.book.data}
        release: dict[str, JsonValue] = {"release": "none", "system": book.backups, "ticket": "", "services": {}}
        texts = {
            "release": rfc8785.dumps(release).decode(),
            "runbook": rfc8785.dumps(outline).decode(),
            "people": self.people.freeze(),
            "environment": self.environment.freeze(),
        }
        created = ev.LaunchCreated(
            launch=restore_chain(book.backups, environment.environment, store, at),
            system=book.backups,
            title=f"{book.backups} restore of {store} to {instant:%Y-%m-%d %H:%M:%S} UTC",
            environment_name=environment.environment,
            t0=at,
            started_by=asked_by,
            base=str(self.environment.path.resolve().parent),
            digests={name: digest_of(text) for name, text in texts.items()},
            **texts,
        )
        return Frozen(created, {})


def opened_again(frozen: Frozen) -> OpenedBackups:
    """The book and the environment as they were when the restore was asked for."""
    outline = Source.thawed("runbook", frozen.created.runbook).data
    data = outline.get("backups") if isinstance(outline, dict) else None
    book = Source.thawed(FILE, rfc8785.dumps(data).decode()).load(BackupBook)
    digests = {"book": frozen.created.digests["runbook"], "environment": frozen.created.digests["environment"]}
    return OpenedBackups(book, frozen.environment, frozen.base, digests)


def require_rules(book: BackupBook) -> None:
    """Raises UsageError where a book does not say who may restore, or what shows that nobody trades."""
    if not book.may_restore:
        raise UsageError(f"{book.backups}'s {FILE} does not say who may approve a restore; add `may_restore: [ROLE]`")
    if book.halted is None:
        raise UsageError(
            f"{book.backups}'s {FILE} does not say what shows that trading is halted, so nothing live is switched; "
            "add `halted: {check: KIND, with: {…}, expect: {…}}`"
        )
