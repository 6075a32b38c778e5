"""From a YAML book to a Runbook: every mistake at once, with its line and the nearest right name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue, ValidationError

from tminus.errors import BookError, Mistake
from tminus.runbook import PEOPLE_KINDS, Approval, RollCall, Runbook, Severity, Spec, Step, offset_of
from tminus.spec_source import KIND_VERBS, SpecReader
from tminus.yaml_source import Place, Source, in_order, nearest, shown

VERBS = (*KIND_VERBS, *PEOPLE_KINDS)
"""Every key that says what a step does; under one that asks people stand its own parameters."""
STEP_KEYS = (*(name for name in Step.model_fields if name != "does"), *VERBS, "with", "expect")
"""Every key a step may have."""

# Stands where a step could not be read, so that the rest of the book is still looked at.
_UNREADABLE = Spec(kind="unreadable")


@dataclass(frozen=True)
class PlacedStep:
    """A step, where it stands: what could be read of it, whatever the rest of the book says."""

    place: Place
    owner: str | None
    does: Spec | None


@dataclass(frozen=True)
class Reading:
    """What a file says.

    Attributes:
        book: the Runbook; None where there are mistakes.
        steps: all steps.
        mistakes: all of them, in the order of the file.
    """

    book: Runbook | None
    steps: tuple[PlacedStep, ...]
    mistakes: tuple[Mistake, ...]


def load(path: Path, kinds: Mapping[str, type[Spec]]) -> Runbook:
    """Reads a book.

    Args:
        path: a YAML file.
        kinds: the vocabulary: what `check:`, `action:` and `watch:` may name.

    Raises:
        BookError: with all mistakes, in the order of the file.
    """
    return build(Source.read(path), kinds)


def build(source: Source, kinds: Mapping[str, type[Spec]], *, frozen: bool = False) -> Runbook:
    """The Runbook that `source` says; raises BookError.

    Args:
        source: a book.
        kinds: as for `load`.
        frozen: it is a launch's own, and stays readable where a file may no longer say so.
    """
    reading = _Reader(source, kinds, frozen=frozen).reading()
    if reading.book is None:
        raise BookError(reading.mistakes)
    return reading.book


def read(source: Source, kinds: Mapping[str, type[Spec]]) -> Reading:
    """As much of a book as can be read, and everything that is wrong with it."""
    return _Reader(source, kinds).reading()


def words_for(source: Source, place: Place) -> str:
    """`step services-healthy: with.components`, `phase T-4h: late_by`: a place in a book, for people."""
    match place:
        case ("phases", int(), "steps", int(), *inside):
            name = f"step {_named(source.data, place[:4], 'id')}"
        case ("phases", int(), *inside):
            name = f"phase {_named(source.data, place[:2], 'phase')}"
        case _:
            return shown(place)
    rest = shown(tuple(inside))
    return f"{name}: {rest}" if rest else name


def _named(data: JsonValue, place: Place, key: str) -> str:
    here = data
    for part in place:
        here = here[part] if isinstance(here, dict | list) else None  # type: ignore[index]
    name = here.get(key) if isinstance(here, dict) else None
    return name if isinstance(name, str) else f"no. {int(place[-1]) + 1}"


class _Reader:
    """Reads one book; what it finds wrong on the way gathers in `mistakes`."""

    def __init__(self, source: Source, kinds: Mapping[str, type[Spec]], *, frozen: bool = False) -> None:
        self._source = source
        self._frozen = frozen
        self._specs = SpecReader(source, kinds, PEOPLE_KINDS, self._where)
        self._steps: list[PlacedStep] = []
        self._ids: dict[str, int] = {}
        self.mistakes = self._specs.mistakes
        self.mistakes += source.defects(self._where)

    def reading(self) -> Reading:
        """The whole book."""
        book = self._book()
        mistakes = in_order(self.mistakes)
        return Reading(None if mistakes else book, tuple(self._steps), mistakes)

    def _book(self) -> Runbook | None:
        data: dict[str, object] = dict(self._source.data) if isinstance(self._source.data, dict) else {}
        phases = data.get("phases")
        if isinstance(phases, list):
            data["phases"] = [self._phase(("phases", number), raw) for number, raw in enumerate(phases)]
            self._one_after_another(phases)
        try:
            return Runbook.model_validate(data)
        except ValidationError as e:
            # What holds for the book as a whole was said already, with its line.
            errors = [error for error in e.errors() if error["loc"] or not self.mistakes]
            self.mistakes += self._source.mistakes(errors, Runbook, where=self._where)
            return None

    def _phase(self, place: Place, raw: JsonValue) -> object:
        if not isinstance(raw, dict) or not isinstance(steps := raw.get("steps"), list):
            return raw
        return {**raw, "steps": [self._step((*place, "steps", number), step) for number, step in enumerate(steps)]}

    def _one_after_another(self, phases: list[JsonValue]) -> None:
        before: tuple[str, timedelta] | None = None
        for number, raw in enumerate(phases):
            name = raw.get("phase") if isinstance(raw, dict) else None
            try:
                offset = offset_of(str(name))
            except ValueError:
                continue
            if before and offset <= before[1]:
                what = f"stands after {before[0]}, but phases follow one another in time"
                self._specs.say(("phases", number, "phase"), what)
            before = (str(name), offset)

    def _step(self, place: Place, raw: JsonValue) -> object:
        if not isinstance(raw, dict):
            return raw
        self._unique(place, raw.get("id"))
        for key in raw.keys() - set(STEP_KEYS):
            self._specs.say((*place, key), f"unknown key {key!r}{nearest(key, STEP_KEYS)}", at=place)
        does = self._specs.does(place, raw)
        owner = raw.get("owner")
        self._steps.append(PlacedStep(place, owner if isinstance(owner, str) else None, does))
        if isinstance(does, Approval) and raw.get("severity") == Severity.ADVISORY and not self._frozen:
            self._specs.say(place, "an approval always blocks: without a yes the launch ends; its severity is blocking")
        usual = {"severity": Severity.ADVISORY} if isinstance(does, RollCall) else {}
        return {**usual, **{key: raw[key] for key in Step.model_fields if key in raw}, "does": does or _UNREADABLE}

    def _unique(self, place: Place, identity: JsonValue) -> None:
        if not isinstance(identity, str):
            return
        line = self._source.line((*place, "id"))
        if (first := self._ids.setdefault(identity, line)) != line:
            self._specs.say((*place, "id"), f"this id is taken by the step in line {first}; ids are unique in a book")

    def _where(self, place: Place) -> str:
        return words_for(self._source, place)
