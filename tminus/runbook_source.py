"""From a YAML book to a Runbook: every mistake at once, with its line and the nearest right name."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, JsonValue, ValidationError

from tminus.errors import BookError, Mistake
from tminus.runbook import PEOPLE_KINDS, Runbook, Spec
from tminus.yaml_source import Place, Source, nearest

# The step's key that names what it does, and the key its parameters stand under.
_VERBS = ("check", "action", "watch")
_QUESTIONS = tuple(PEOPLE_KINDS)


def load(path: Path, kinds: Mapping[str, type[Spec]]) -> Runbook:
    """Reads a book.

    Args:
        path: a YAML file.
        kinds: the vocabulary: what `check:`, `action:` and `watch:` may name.

    Raises:
        BookError: with all mistakes, in the order of the file.
    """
    return build(Source.read(path), kinds)


def build(source: Source, kinds: Mapping[str, type[Spec]]) -> Runbook:
    """The Runbook that `source` says; raises BookError."""
    mistakes: list[Mistake] = []
    data = dict(source.data) if isinstance(source.data, dict) else {}
    data["phases"] = [  # type: ignore[assignment]  # specs are put where the raw steps were
        _phase(phase, ("phases", number), source, kinds, mistakes)
        for number, phase in enumerate(_list(data.get("phases")))
    ]
    try:
        book = Runbook.model_validate(data)
    except ValidationError as e:
        raise BookError(tuple(sorted([*mistakes, *source.mistakes(e.errors(), model=Runbook)], key=_line))) from e
    if mistakes:
        raise BookError(tuple(sorted(mistakes, key=_line)))
    return book


def _line(mistake: Mistake) -> int:
    return mistake.line


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _phase(
    raw: JsonValue, place: Place, source: Source, kinds: Mapping[str, type[Spec]], mistakes: list[Mistake]
) -> object:
    if not isinstance(raw, dict):
        return raw
    steps = [
        _step(step, (*place, "steps", number), source, kinds, mistakes)
        for number, step in enumerate(_list(raw.get("steps")))
    ]
    return {**raw, "steps": steps}


class _Broken(Spec, frozen=True):
    """Stands where a step's spec had mistakes, so that the rest of the book is still checked."""


def _step(
    raw: JsonValue, place: Place, source: Source, kinds: Mapping[str, type[Spec]], mistakes: list[Mistake]
) -> object:
    if not isinstance(raw, dict):
        return raw
    verbs = [key for key in (*_VERBS, *_QUESTIONS) if key in raw]
    where = f"step {raw.get('id', '?')}"
    rest = {key: value for key, value in raw.items() if key not in {*verbs, "with", "expect"}}
    rest["does"] = _Broken(kind="broken")  # type: ignore[assignment]
    if len(verbs) != 1:
        said = " and ".join(verbs) or "nothing"
        expected = ", ".join((*_VERBS, *_QUESTIONS))
        mistakes.append(Mistake(source.path, source.line(place), where, f"does {said}; expected one of {expected}"))
        return rest
    verb = verbs[0]
    kind = str(raw[verb]) if verb in _VERBS else verb
    known = {**kinds, **PEOPLE_KINDS}
    if kind not in known:
        names = [name for name in kinds if verb == _verb_of(kinds[name])]
        line = source.line((*place, verb))
        mistakes.append(Mistake(source.path, line, where, f"unknown {verb} {kind!r}{nearest(kind, names)}"))
        return rest
    rest["does"] = _spec(raw, verb, known[kind], place, source, mistakes, where)  # type: ignore[assignment]
    return rest


def _verb_of(spec: type[Spec]) -> str:
    return str(getattr(spec, "verb", ""))


def _spec(
    raw: Mapping[str, JsonValue],
    verb: str,
    spec: type[Spec],
    place: Place,
    source: Source,
    mistakes: list[Mistake],
    where: str,
) -> Spec:
    broken = _Broken(kind="broken")
    under = "with" if verb in _VERBS else verb
    given = raw.get(under) or {}
    if not isinstance(given, dict):
        mistakes.append(
            Mistake(source.path, source.line((*place, under)), where, f"{under}: expected `name: value` lines")
        )
        return broken
    if verb in _VERBS and _verb_of(spec) != verb:
        said = f"{raw[verb]!r} is a {_verb_of(spec)}, not a {verb}"
        mistakes.append(Mistake(source.path, source.line((*place, verb)), where, said))
        return broken
    expect = {"expect": raw["expect"]} if "expect" in raw else {}
    try:
        return spec.model_validate({**given, **expect})
    except ValidationError as e:
        for error in e.errors():
            inside = error["loc"] if error["loc"][:1] == ("expect",) else (under, *error["loc"])
            found = source.mistakes([{**error, "loc": (*place, *inside)}], model=_Root.of(spec, (*place, *inside)))
            mistakes.extend(Mistake(m.file, m.line, f"{where}, {'.'.join(map(str, inside))}", m.what) for m in found)
        return broken


class _Root:
    """Names the fields that were possible where a parameter is unknown."""

    @staticmethod
    def of(spec: type[Spec], _place: Place) -> type[BaseModel]:
        return spec
