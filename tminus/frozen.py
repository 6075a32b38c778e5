"""What a launch froze when it was created: release, book, people and environment, each by its digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter

from tminus.environment import Environment
from tminus.events import LaunchCreated
from tminus.people import People
from tminus.readiness.book import Checklist
from tminus.readiness.source import build_checklist
from tminus.release import Release
from tminus.runbook import Runbook, Spec
from tminus.runbook_source import build
from tminus.yaml_source import Source

PARTS = ("release", "runbook", "people", "environment")


def digest_of(canonical: str) -> str:
    """The SHA-256 of a canonical text, as every digest here is written."""
    return f"sha256:{sha256(canonical.encode()).hexdigest()}"


@dataclass(frozen=True)
class Frozen:
    """The four documents, read back from the ledger.

    Attributes:
        created: the event that holds them.
        kinds: the vocabulary that reads the book.
    """

    created: LaunchCreated
    kinds: Mapping[str, type[Spec]]

    @cached_property
    def release(self) -> Release:
        """What is launched."""
        return Source.thawed("release", self.created.release).load(Release)

    @cached_property
    def people(self) -> People:
        """Who takes part."""
        return Source.thawed("people", self.created.people).load(People)

    @cached_property
    def environment(self) -> Environment:
        """Where."""
        return Source.thawed("environment", self.created.environment).load(Environment)

    @cached_property
    def runbook(self) -> Runbook:
        """How."""
        return build(Source.thawed("runbook", self.created.runbook), self.kinds, frozen=True)

    @cached_property
    def checklist(self) -> Checklist:
        """The readiness checklist, where the book wants the system ready; raises BookError where none was frozen."""
        files = TypeAdapter(dict[str, str]).validate_json(self.created.readiness or "{}")
        chapters = [Source.thawed(name, text) for name, text in files.items()]
        return build_checklist(chapters, [self.runbook], self.kinds)

    @property
    def base(self) -> Path:
        """The folder the release's relative paths start from."""
        return Path(self.created.base)
