"""The files that a sweep begins with, read once: the system's checklist, where it runs, and who may state things."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tminus.chain_names import readiness_chain
from tminus.clock import now
from tminus.environment import Environment
from tminus.errors import UsageError
from tminus.frozen import digest_of
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.people import People
from tminus.readiness.book import Checklist
from tminus.readiness.judging import Judged, judge_lines
from tminus.readiness.launched import Whose, evidence_of_people_and_launches
from tminus.readiness.seen import last_seen
from tminus.readiness.source import books_beside, load_checklist, steps_beside
from tminus.readiness.standing import Standing
from tminus.release import Release, no_release
from tminus.runbook import Spec
from tminus.spoken import listed
from tminus.yaml_source import Source


@dataclass(frozen=True)
class Opened:
    """A system's readiness, opened.

    Attributes:
        folder: the system's folder of books.
        checklist: its lines.
        environment: where it runs.
        people: who may state and accept things; None where nobody was named.
        release: what is about to be launched; one without services where none is.
        base: what relative paths start from.
        steps: what each step of the system's launch does, by its id.
        kinds: the vocabulary.
        digests: of the environment, people and release file, of those that were named.
    """

    folder: Path
    checklist: Checklist
    environment: Environment
    people: People | None
    release: Release
    base: Path
    steps: Mapping[str, Spec]
    kinds: Mapping[str, type[Spec]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Of the checklist, whatever the layout of its files."""
        return digest_of(self.checklist.model_dump_json())

    @property
    def whose(self) -> Whose:
        """For whom, where and for which release it is judged."""
        return Whose(self.environment.environment, self.people, self.digests.get("release", ""), self.kinds)

    def store(self) -> Store:
        """The ledger that the environment names; raises LedgerUnreachable, MissingSecret."""
        return open_ledger(self.environment.ledger)

    def standing(self, store: Store) -> Standing:
        """What people said so far; raises LedgerError."""
        return Standing.read(store, self.checklist.system, self.environment.environment, self.people)

    def swept_elsewhere(self, store: Store) -> str:
        """Where this system was swept, if not in this environment; empty where it was, or nowhere. Raises LedgerError.

        A wrong environment file over the right ledger is told so, and not as a checklist that nobody went through.
        """
        system, here = self.checklist.system, self.environment.environment
        if self.standing(store).begun:
            return ""
        beginning = readiness_chain(system, "")
        places = [chain.removeprefix(beginning) for chain in store.chains() if chain.startswith(beginning)]
        swept = [place for place in places if place != here and Standing.read(store, system, place, None).begun]
        return f"The ledger has sweeps of {system} in {listed(swept)}, not in {here}." if swept else ""

    def judged_last(self, store: Store) -> list[Judged]:
        """Every line by the evidence that the ledger holds, judged now: what is too old is no pass.

        Where a release was named, what was read of another one is no evidence.
        """
        at = now()
        standing = self.standing(store)
        evidence = {
            **last_seen(store, standing, self.checklist, release=self.whose.release),
            **evidence_of_people_and_launches(store, self.checklist, self.whose, at),
        }
        return judge_lines(self.checklist, evidence, standing, at)


def open_readiness(
    folder: Path, environment: Path, people: Path | None, release: Path | None, kinds: Mapping[str, type[Spec]]
) -> Opened:
    """Reads the files; raises BookError with every mistake, UsageError where one is not there."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}{books_beside(folder)}")
    checklist = load_checklist(folder, kinds)
    named = {"environment": environment, "people": people, "release": release}
    sources = {name: Source.read(path) for name, path in named.items() if path is not None}
    return Opened(
        folder=folder,
        checklist=checklist,
        environment=sources["environment"].load(Environment),
        people=sources["people"].load(People) if people else None,
        release=sources["release"].load(Release) if release else no_release(checklist.system),
        base=(release or environment).resolve().parent,
        steps=steps_beside(folder, kinds),
        kinds=kinds,
        digests={name: digest_of(source.freeze()) for name, source in sources.items()},
    )
