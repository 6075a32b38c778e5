"""From the YAML files of a system to its Checklist: every mistake at once, with its line and the nearest right name."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue, ValidationError

from tminus.errors import BookError, Mistake, UsageError
from tminus.readiness.book import Attested, Chapter, Checklist, Line, SignedOff
from tminus.readiness.promises import unknown_promises
from tminus.runbook import Runbook, Spec
from tminus.runbook_source import build
from tminus.spec_source import SpecReader
from tminus.yaml_source import Place, Source, in_order, nearest, shown

QUESTIONS: Mapping[str, type[Spec]] = {"attestation": Attested, "sign_off": SignedOff}
"""The keys under which a line asks people."""
LINE_KEYS = (*(name for name in Line.model_fields if name != "checks"), "check", "with", "expect", "all")
"""Every key a line may have."""
_VERBS = ("check",)
_SHOWN = 10  # folders that are named where one is missing
_HEAD = 10_000  # characters of a file in which its first key is looked for
_MOST = 10_000  # lines of one file; more is no checklist but a mistake


def load_checklist(folder: Path, kinds: Mapping[str, type[Spec]]) -> Checklist:
    """Reads every chapter in a folder, and the launch book beside them, of which lines may name steps.

    Raises UsageError where the folder holds no chapter, BookError with all mistakes of all files.
    """
    return build_checklist(chapters_in(folder), [build(source, kinds) for source in _having("runbook", folder)], kinds)


def books_beside(folder: Path) -> str:
    """`; did you mean 'x'?` for a folder that is not there, or the first ten of the folders there that hold files."""
    known = sorted({path.parent.name for path in folder.parent.glob("*/*.yaml") if _is_book(path)})
    said = nearest(folder.name, known)
    if "known:" not in said or len(known) <= _SHOWN:
        return said
    return f"; known: {', '.join(known[:_SHOWN])} and {len(known) - _SHOWN} more"


def _is_book(path: Path) -> bool:
    """Whether a file begins as a book does; what cannot be read is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as opened:
            return re.search(r"(?m)^(?:readiness|runbook):", opened.read(_HEAD)) is not None
    except OSError:
        return False


def chapters_in(folder: Path) -> list[Source]:
    """The chapters in a folder; raises UsageError where it holds none, BookError where a file is no YAML."""
    found = _having("readiness", folder)
    if not found:
        raise UsageError(f"{folder} holds no readiness chapter: no .yaml file there begins with `readiness:`")
    return found


def _having(key: str, folder: Path) -> list[Source]:
    sources = [Source.read(path) for path in sorted(folder.glob("*.yaml"))]
    return [source for source in sources if isinstance(source.data, dict) and key in source.data]


def steps_beside(folder: Path, kinds: Mapping[str, type[Spec]]) -> dict[str, Spec]:
    """What each step of the launch books in a folder does, by its id; raises BookError."""
    launches = [build(one, kinds) for one in _having("runbook", folder)]
    return {step.id: step.does for book in launches for step in book.steps()}


def build_checklist(sources: list[Source], launches: list[Runbook], kinds: Mapping[str, type[Spec]]) -> Checklist:
    """The Checklist that these files say; raises BookError."""
    readers = [ChapterReader(source, kinds) for source in sources]
    chapters = [reader.chapter() for reader in readers]
    mistakes = [mistake for reader in readers for mistake in in_order(reader.mistakes)]
    mistakes += _together(readers, launches)
    if mistakes:
        raise BookError(tuple(mistakes))
    found = sorted((chapter for chapter in chapters if chapter is not None), key=lambda chapter: chapter.order)
    return Checklist(system=found[0].system, chapters=tuple(found))


class ChapterReader:
    """Reads one file; what it finds wrong gathers in `mistakes`.

    Attributes:
        placed: ref → where its line stands in the file, for what is looked at across files.
    """

    def __init__(self, source: Source, kinds: Mapping[str, type[Spec]]) -> None:
        self.source = source
        self.specs = SpecReader(source, kinds, QUESTIONS, self._where, _VERBS)
        self.mistakes = self.specs.mistakes
        self.mistakes += source.defects(self._where)
        self.placed: dict[str, Place] = {}

    @property
    def system(self) -> str:
        """The system that the file says it is of."""
        data = self.source.data
        return str(data.get("system", "")) if isinstance(data, dict) else ""

    def chapter(self) -> Chapter | None:
        """The whole file; None where there are mistakes."""
        data: dict[str, object] = dict(self.source.data) if isinstance(self.source.data, dict) else {}
        sections = data.get("sections")
        if isinstance(sections, list):
            data["sections"] = [self._section(("sections", number), raw) for number, raw in enumerate(sections)]
        before = len(self.mistakes)
        try:
            chapter = Chapter.model_validate(data)
        except ValidationError as e:
            self.mistakes += self.source.mistakes(e.errors(), Chapter, where=self._where)
            return None
        return chapter if before == 0 else None

    def _section(self, place: Place, raw: JsonValue) -> object:
        if not isinstance(raw, dict) or not isinstance(lines := raw.get("lines"), list):
            return raw
        if len(lines) > _MOST:
            self.specs.say((*place, "lines"), f"{len(lines)} lines; {_MOST} are the most that one section may have")
            return raw
        owner = raw.get("owner")
        return {**raw, "lines": [self._line((*place, "lines", n), line, owner) for n, line in enumerate(lines)]}

    def _line(self, place: Place, raw: JsonValue, owner: JsonValue) -> object:
        if not isinstance(raw, dict):
            return raw
        for key in raw.keys() - set(LINE_KEYS):
            self.specs.say((*place, key), f"unknown key {key!r}{nearest(key, LINE_KEYS)}", at=place)
        self._ref(place, raw.get("ref"))
        for what in unknown_promises(raw.get("promises")):
            self.specs.say((*place, "promises"), what)
        plain: dict[str, object] = {name: raw[name] for name in Line.model_fields if name in raw}
        plain.setdefault("owner", owner)
        if "all" in raw:
            plain["checks"] = self._several((*place, "all"), raw["all"])
        elif "check" in raw:
            plain["checks"] = self._checks(place, raw)
        if "baseline" in raw:
            self._baseline((*place, "baseline"), raw["baseline"], plain.get("checks"))
        for name in QUESTIONS.keys() & raw.keys():
            plain[name] = self.specs.does(place, {name: raw[name]}) or _UNREADABLE_QUESTION[name]
        return plain

    def _baseline(self, place: Place, raw: JsonValue, checks: object) -> None:
        """A goal that nothing measures would never be missed."""
        wanted = raw.get("measurement") if isinstance(raw, dict) else None
        specs = checks if isinstance(checks, tuple) else ()
        known = [name for spec in specs for name, unit in getattr(spec, "measures", {}).items() if unit != "word"]
        if isinstance(wanted, str) and wanted not in known:
            said = nearest(wanted, known) if known else "; only a line with checks has a number to compare"
            self.specs.say((*place, "measurement"), f"no check of this line measures {wanted!r} as a number{said}")

    def _several(self, place: Place, raw: JsonValue) -> tuple[Spec, ...]:
        if not isinstance(raw, list) or not raw:
            self.specs.say(place, "expected a list of checks, one `- {check: …, with: …, expect: …}` each")
            return (_UNREADABLE,)
        return tuple(one for number, inside in enumerate(raw) for one in self._checks((*place, number), inside))

    def _checks(self, place: Place, raw: JsonValue) -> tuple[Spec, ...]:
        if not isinstance(raw, dict):
            self.specs.say(place, "expected `check:`, `with:` and `expect:`")
            return (_UNREADABLE,)
        only: dict[str, JsonValue] = {key: raw[key] for key in ("check", "with", "expect") if key in raw}
        return (self.specs.does(place, only) or _UNREADABLE,)

    def _ref(self, place: Place, ref: JsonValue) -> None:
        if not isinstance(ref, str):
            return
        if ref in self.placed:
            first = self.source.line(self.placed[ref])
            self.specs.say((*place, "ref"), f"this ref is taken by the line in line {first} of the file")
        elif self.system and not ref.startswith(f"{self.system}/"):
            self.specs.say((*place, "ref"), f"{ref!r} is not of {self.system}; refs begin with `{self.system}/`")
        self.placed.setdefault(ref, place)

    def _where(self, place: Place) -> str:
        match place:
            case ("sections", int(), "lines", int(), *inside):
                ref = _at(self.source.data, (*place[:4], "ref"))
                rest = shown(tuple(inside))
                return f"{ref}: {rest}" if rest else ref
            case _:
                return shown(place)


# Stand where something could not be read, so that the rest of the file is still looked at.
_UNREADABLE = Spec(kind="unreadable")
_UNREADABLE_QUESTION: Mapping[str, Spec] = {
    "attestation": Attested(role="", statement="", valid_for=timedelta()),
    "sign_off": SignedOff(role=""),
}


def _at(data: JsonValue, place: Place) -> str:
    here = data
    for part in place:
        if isinstance(here, dict) and isinstance(part, str):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
    return here if isinstance(here, str) else shown(place[:4])


def _together(readers: list[ChapterReader], launches: list[Runbook]) -> list[Mistake]:
    """What is wrong between files: one system, refs once, names that lead somewhere."""
    found: list[Mistake] = []
    refs = {ref: reader for reader in reversed(readers) for ref in reader.placed}
    found += _shared_places(readers)
    steps = {step.id: step.refs for book in launches for step in book.steps()}
    for reader in readers:
        if reader.system != readers[0].system:
            what = f"is of {reader.system!r}, and the folder's first file of {readers[0].system!r}; one system a folder"
            found.append(reader.source.mistake(("system",), "", what))
        for ref, place in reader.placed.items():
            if refs[ref] is not reader:
                what = f"this ref is taken in {refs[ref].source.path.name}"
                found.append(reader.source.mistake((*place, "ref"), ref, what))
            found += _leads_nowhere(reader, ref, place, refs, steps)
    return found


def _shared_places(readers: list[ChapterReader]) -> list[Mistake]:
    """Each section whose refs begin as an earlier one's do: what is told of one would be told of the other."""
    found: list[Mistake] = []
    first: dict[str, tuple[ChapterReader, Place]] = {}
    for reader in readers:
        sections = {place[:2]: ref for ref, place in reversed(reader.placed.items())}
        for section, ref in reversed(sections.items()):
            begins = ref.rpartition("/")[0]
            other, where = first.setdefault(begins, (reader, section))
            if (other, where) != (reader, section):
                at = f"{other.source.path.name} line {other.source.line(where)}"
                what = f"refs of the section at {at} begin with `{begins}/` too; give this section's another beginning"
                found.append(reader.source.mistake((*reader.placed[ref], "ref"), ref, what))
    return found


def _leads_nowhere(
    reader: ChapterReader,
    ref: str,
    place: Place,
    refs: Mapping[str, ChapterReader],
    steps: Mapping[str, tuple[str, ...]],
) -> list[Mistake]:
    def mistake(key: str, what: str) -> Mistake:
        return reader.source.mistake((*place, key), ref, what)

    raw = _line_at(reader.source.data, place)
    same = raw.get("same_as")
    found = []
    if isinstance(same, str) and same not in refs:
        found.append(mistake("same_as", f"no line is {same!r}{nearest(same, list(refs))}"))
    elif isinstance(same, str) and "same_as" in _line_at(refs[same].source.data, refs[same].placed[same]):
        found.append(mistake("same_as", f"{same} is itself the same as another; name that one"))
    named = raw.get("at_launch")
    for step in named if isinstance(named, list) else []:
        if str(step) not in steps:
            found.append(mistake("at_launch", f"no step of the launch is {step!r}{nearest(str(step), list(steps))}"))
        elif ref not in steps[str(step)]:
            found.append(mistake("at_launch", f"the launch's step {step} does not name this ref under `refs:`"))
    return found


def _line_at(data: JsonValue, place: Place) -> Mapping[str, JsonValue]:
    here = data
    for part in place:
        here = here[part]  # type: ignore[index]  # a place that was just walked
    return here if isinstance(here, dict) else {}
