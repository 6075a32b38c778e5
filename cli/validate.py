"""`tminus validate`: every mistake in the files of a launch, at once."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tminus.errors import BookError, Mistake, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from tminus.environment import Environment
    from tminus.people import People
    from tminus.release import Release
    from tminus.yaml_source import Source

_M = TypeVar("_M", bound="BaseModel")
_FILE = click.Path(path_type=Path)


@click.command("validate")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@click.option("--environment", type=_FILE, help="Also: is every check allowed there, and every system there?")
@click.option("--release", type=_FILE, help="Also: is it of that system, and has it every service that is deployed?")
@click.option("--people", type=_FILE, help="Also: has somebody every role, and can every quorum be reached?")
def command(files: tuple[Path, ...], environment: Path | None, release: Path | None, people: Path | None) -> None:
    """Reports every mistake in a launch's files.

    Each line says file, line, step, what was found, what was expected and the nearest right name. Whether a file is a
    runbook, a release, people or an environment is told by what stands in it. Exits 0 where all is well, else 2.
    """
    validation = _Validation()
    validation.context(environment, release, people)
    for path in files:
        validation.file(path)
    for line in validation.warnings():
        click.echo(f"warning: {line}", err=True)
    if validation.mistakes:
        raise BookError(tuple(dict.fromkeys(validation.mistakes)))
    click.echo("\n".join(validation.well))


class _Validation:
    """One call: what the books are held against, and what was found."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.well: list[str] = []
        self._environment: Environment | None = None
        self._place: Source | None = None
        self._release: Release | None = None
        self._people: People | None = None
        self._looked_at: list[BaseModel] = []

    def context(self, environment: Path | None, release: Path | None, people: Path | None) -> None:
        """Reads what the books are held against."""
        from tminus.people import People
        from tminus.release import load_release

        self._environment = self._loaded(environment, self._environment_of)
        self._release = self._loaded(release, load_release)
        self._people = self._loaded(people, lambda source: source.load(People))

    def _environment_of(self, source: "Source") -> "Environment":
        from tminus.environment import Environment

        self._place = source
        return source.load(Environment)

    def file(self, path: Path) -> None:
        """Looks at one file, whatever kind it is."""
        from tminus.file_kinds import FILE_KINDS, kind_of
        from tminus.release import load_release
        from tminus.yaml_source import Source

        try:
            source = Source.read(path)
            kind = kind_of(source)
            if kind == "runbook":
                self._book(source)
            elif kind == "readiness":
                self._chapter(source)
            elif kind == "secrets":
                self._secrets(source)
            elif kind == "drills":
                self._drills(source)
            else:
                found = load_release(source) if kind == "release" else source.load(FILE_KINDS[kind])
                self._require_check(source, found)
                self._looked_at.append(found)
                self.well.append(f"{path}: {kind}, no mistake found")
        except BookError as e:
            self.mistakes += e.mistakes

    def _require_check(self, source: "Source", found: "BaseModel") -> None:
        """What a book of backups takes for trading being halted is a check, or the book is mistaken."""
        from tminus.backups.book import BackupBook

        if not isinstance(found, BackupBook) or found.halted is None:
            return
        from tasks.restores.halted import check_of

        try:
            check_of(found.halted)
        except UsageError as e:
            raise BookError((source.mistake(("halted",), "halted", str(e).removeprefix("halted: ")),)) from e

    def warnings(self) -> list[str]:
        """What is no mistake, and may be one, where a release and people are both given."""
        from tminus.candidates import strangers_said
        from tminus.people import People
        from tminus.release import Release, authors_of

        given = [one for one in (self._people, self._release, *self._looked_at) if one is not None]
        people = next((one for one in given if isinstance(one, People)), None)
        authors = [address for one in given if isinstance(one, Release) for address in authors_of(one)]
        return strangers_said(people, authors) if people else []

    def _book(self, source: "Source") -> None:
        from tasks.vocabulary import KINDS
        from tminus.cross_check import against_environment, against_people, against_release
        from tminus.runbook_source import read
        from tminus.yaml_source import in_order

        reading = read(source, KINDS)
        found = list(reading.mistakes)
        if self._people:
            found += against_people(reading, source, self._people)
        if self._environment:
            found += against_environment(reading, source, self._environment)
        if self._release:
            found += against_release(reading, source, self._release)
        self.mistakes += in_order(found)
        if not found and reading.book:
            phases, steps = len(reading.book.phases), len(reading.steps)
            not_held = self._not_held(people=self._people, environment=self._environment, release=self._release)
            said = f"{source.path}: runbook, {phases} phases, {steps} steps, no mistake found{not_held}"
            self.well.append(said)

    def _not_held(self, **given: object) -> str:
        """What a book was not held against, in words; "" where it was held against all of these."""
        missing = [f"--{name}" for name, one in given.items() if not one]
        return f" in itself; what it names is checked with {', '.join(missing)}" if missing else ""

    def _secrets(self, source: "Source") -> None:
        from tasks.rotators.vocabulary import ROTATORS
        from tminus.rotations.book import load_book
        from tminus.rotations.crossed import against_environment, against_people
        from tminus.yaml_source import in_order

        book = load_book(source, ROTATORS)
        found = against_people(book, source, self._people) if self._people else []
        if self._environment:
            found += against_environment(book, source, self._environment)
        self.mistakes += in_order(found)
        if not found:
            self.well.append(f"{source.path}: secrets, {len(book.rotations)} rotations, no mistake found")

    def _drills(self, source: "Source") -> None:
        from flows.drill_guards import known_checks
        from tasks.scenarios.vocabulary import SCENARIOS
        from tminus.drills.book import load_book
        from tminus.drills.crossed import against_environment, against_people
        from tminus.spoken import counted
        from tminus.yaml_source import in_order

        book = load_book(source, SCENARIOS, known_checks)
        found = against_people(book, source, self._people) if self._people else []
        if self._environment and self._place:
            found += against_environment(book, source, self._environment, self._place)
        self.mistakes += in_order(found)
        if not found:
            count = counted(len(book.scenarios), "scenario")
            unseen = self._not_held(people=self._people, environment=self._environment)
            self.well.append(f"{source.path}: drills, {count}, no mistake found{unseen}")

    def _chapter(self, source: "Source") -> None:
        """A chapter by itself; whether its lines lead to others is looked at with its whole folder."""
        from tasks.vocabulary import KINDS
        from tminus.readiness.source import ChapterReader
        from tminus.yaml_source import in_order

        reader = ChapterReader(source, KINDS)
        chapter = reader.chapter()
        self.mistakes += in_order(reader.mistakes)
        if chapter is not None:
            said = f"{source.path}: readiness, {len(reader.placed)} lines, no mistake found in itself"
            self.well.append(f"{said}; `tminus coverage {chapter.system}` reads the whole checklist")

    def _loaded(self, path: Path | None, load: "Callable[[Source], _M]") -> _M | None:
        from tminus.yaml_source import Source

        if path is None:
            return None
        try:
            return load(Source.read(path))
        except BookError as e:
            self.mistakes += e.mistakes
            return None
