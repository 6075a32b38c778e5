"""What pydantic found wrong, in the words of somebody who edits YAML and has never seen Python."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

LINES = "`name: value` lines"
LIST = "a list, one `- …` line each"

# Every pattern a field of a book is held to, in words.
PATTERNS: Mapping[str, str] = {
    r"^[a-z0-9][a-z0-9-]*$": "small letters, digits and hyphens, such as 'services-healthy'",
    r"^[a-z0-9][a-z0-9.-]*$": "small letters, digits, points and hyphens, such as 'trading-2.0.0'",
    r"^T(?:-0|([+-])(\d.*))$": "a time on the countdown, such as 'T-4h', 'T-15m', 'T-0' or 'T+4h'",
    r"^sha256:[0-9a-f]{64}$": "'sha256:' and 64 hexadecimal digits",
    r"^[0-9a-f]{64}$": "64 hexadecimal digits",
}

_WANTED: Mapping[str, str] = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": LINES,
    "mapping_type": LINES,
    "model_type": LINES,
    "model_attributes_type": LINES,
    "list_type": LIST,
    "tuple_type": LIST,
    "set_type": LIST,
    "frozen_set_type": LIST,
}
_BOUNDS: Mapping[str, str] = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` where something known is close, else the known ones."""
    if meant := did_you_mean(word, known, most=1):
        return f"; {meant}"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def did_you_mean(word: str, known: Sequence[str], most: int = 3) -> str:
    """`did you mean 'a' or 'b'?`: the nearest known ones, else those that begin so; "" where none does."""
    close = get_close_matches(word, known, n=most, cutoff=0.5) or [
        one for one in known if word and one.startswith(word)
    ]
    return f"did you mean {' or '.join(repr(one) for one in close[:most])}?" if close else ""


def said(error: ErrorDetails, siblings: Sequence[str] = ()) -> str:
    """One sentence: what was found and what was expected.

    A value is repeated only where it cannot be a secret that someone wrote where its reference belongs.

    Args:
        error: one of `ValidationError.errors()`.
        siblings: the names that could have stood where an unknown one does.
    """
    name = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"unknown key {name!r}{nearest(name, siblings)}"
    if error["type"] == "missing":
        return f"{name!r} is missing"
    return _by_type(error) or str(error["msg"]).removeprefix("Value error, ")


def fields(model: type[BaseModel], place: Sequence[int | str]) -> tuple[str, ...]:
    """The names of the fields at `place` inside `model`."""
    here: type[BaseModel] = model
    for part in place:
        field = here.model_fields.get(str(part))
        if field is not None:
            here = _inner_model(field.annotation) or here
    shown = here.model_fields.items()
    return tuple(field.alias or name for name, field in shown if name != "kind" or field.is_required())


def _by_type(error: ErrorDetails) -> str | None:
    kind, found, context = error["type"], error["input"], error.get("ctx", {})
    if kind in _WANTED:
        return f"found {_sort_of(found)}, expected {_WANTED[kind]}"
    if kind in _BOUNDS:
        return f"found {found}, expected {_BOUNDS[kind].format(**_in_words(context))}"
    special = _SPECIAL.get(kind)
    return special(found, context) if special else None


def _in_words(context: Mapping[str, Any]) -> dict[str, str]:
    """Bounds as a person writes them: pydantic tells a length of time as Python code."""
    nothing = repr(timedelta(0))
    return {name: "0s" if str(bound) == nothing else str(bound) for name, bound in context.items()}


def _one_of(found: object, context: Mapping[str, Any]) -> str:
    words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
    return f"found {found!r}, expected {context['expected']}{_meant(str(found), words)}"


def _meant(word: str, known: Sequence[str]) -> str:
    return f"; did you mean {close[0]!r}?" if (close := get_close_matches(word, known, n=1)) else ""


def _short(_found: object, context: Mapping[str, Any]) -> str:
    return f"found {context['actual_length']}, expected at least {context['min_length']}"


def _no_text(found: object, context: Mapping[str, Any]) -> str:
    return f"found {len(str(found).strip())} characters, expected at least {context['min_length']}"


def _pattern(found: object, context: Mapping[str, Any]) -> str:
    pattern = str(context["pattern"])
    return f"found {found!r}, expected {PATTERNS.get(pattern, f'text that matches {pattern}')}"


def _tag(found: object, context: Mapping[str, Any]) -> str:
    key = str(context["discriminator"]).strip("'")
    tag = found.get(key) if isinstance(found, Mapping) else found
    known = [word.strip("'") for word in str(context["expected_tags"]).split(", ")]
    return f"{key}: found {tag!r}, expected {context['expected_tags']}{_meant(str(tag), known)}"


_SPECIAL: Mapping[str, Callable[[object, Mapping[str, Any]], str]] = {
    "literal_error": _one_of,
    "enum": _one_of,
    "too_short": _short,
    "string_too_short": _no_text,
    "string_pattern_mismatch": _pattern,
    "union_tag_invalid": _tag,
}


def _sort_of(found: object) -> str:
    if found is None:
        return "nothing"
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return "a number"
    if isinstance(found, str):
        return "text"
    return "a list" if isinstance(found, list) else LINES


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _inner_model(argument)) is not None:
            return found
    return None
