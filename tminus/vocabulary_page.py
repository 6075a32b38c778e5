"""The reference page of all kinds: what each looks at or does, its parameters, what it measures. Made from the code."""

import re
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import get_args

from pydantic import BaseModel, JsonValue

from tminus.editor_schema import file_schema
from tminus.runbook import Spec

_ATTRIBUTES = "\nAttributes:\n"
_ENTRY = re.compile(r"(?m)^ {4}(?=[a-z_][a-z_, ]*:)")
_UNITS = {"": "a count", "word": "a word", "%": "%"}
_HIDDEN = {"kind", "expect"}

_INTRODUCTION = """\
# Checks, actions and watches

What a step of a runbook may name after `check:`, `action:` or `watch:`, with the parameters that stand under `with:`
and the measurements that `expect:` may judge. `tminus kinds` prints this page from the code; `tminus kinds KIND` prints
one of them; `tminus schema` gives the same to an editor. [The runbook language](runbook-language.md) says how they are
written.

A check's **impact** is what looking does to the system looked at: `none` (reads files, metrics or copies), `probe` (a
handful of harmless requests), `synthetic` (acts as a customer, on accounts made for tests), `load`, `page`. An
environment says what it allows; where it does not allow one, the check is skipped, and a blocking step that is skipped
is a no-go until it is waived.

An action's **fence** is what keeps a conductor that lost its lease from acting all the same: `compare_and_set` (the
system compares a token in the same step as the change), `idempotency_key` (doing it twice is harmless), or `none` (a
successor waits out the deadline, looks again, and asks a person if it still cannot tell).
"""


def page(kinds: Mapping[str, type[Spec]]) -> str:
    """The whole page, as Markdown."""
    rows = [f"| [`{kind}`](#{_anchor(kind)}) | {_verb(spec)} | {_lead(spec)} |" for kind, spec in sorted(kinds.items())]
    listed = "\n".join(["| kind | | what it is about |", "|---|---|---|", *rows])
    return "\n\n".join([_INTRODUCTION.strip(), listed, *(entry(kind, kinds[kind]) for kind in sorted(kinds))]) + "\n"


def entry(kind: str, spec: type[Spec]) -> str:
    """One kind: its promise, its parameters, its measurements."""
    traits = {"impact": getattr(spec, "impact", None), "fence": getattr(spec, "fence", None)}
    said = [_verb(spec), *(f"{name} `{value}`" for name, value in traits.items() if value)]
    parts = [f"## `{kind}`", f"*{', '.join(said)}*", _promise(spec), *_parameters(spec, "###")]
    if measures := getattr(spec, "measures", {}):
        rows = [f"| `{name}` | {_UNITS.get(unit, unit)} |" for name, unit in measures.items()]
        parts.append("\n".join(["| measures | in |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def _parameters(model: type[BaseModel], level: str) -> Iterator[str]:
    """The model's own table, then that of each model among its parameters."""
    schema = file_schema(model)
    required, meant = schema.get("required"), _meanings(model)
    rows = []
    for name, about in _mapping(schema["properties"]).items():
        if name not in _HIDDEN or level != "###":
            needed = isinstance(required, list) and name in required
            left_out = "required" if needed else _default(_mapping(about))
            rows.append(f"| `{name}` | {_type(_mapping(about))} | {left_out} | {meant.get(name, '')} |")
    if rows:
        yield "\n".join(["| parameter | is | if left out | |", "|---|---|---|---|", *rows])
    if level == "###":
        for part in _parts_of(model):
            yield f"{level} {part.__name__}"
            yield _promise(part)
            yield from _parameters(part, level + "#")


def _parts_of(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The models that stand somewhere in a model's fields, each once, the outer ones first."""
    found: list[type[BaseModel]] = []
    waiting: list[object] = [model.model_fields[name].annotation for name in model.model_fields if name not in _HIDDEN]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, type) and issubclass(one, BaseModel) and one not in found:
            found.append(one)
            waiting += [field.annotation for field in one.model_fields.values()]
        waiting += get_args(one)
    return found


def _verb(spec: type[Spec]) -> str:
    return str(getattr(spec, "verb", "check"))


def _anchor(kind: str) -> str:
    return "".join(letter for letter in kind if letter.isalnum() or letter in "_-")


def _lead(spec: type[Spec]) -> str:
    return cleandoc(spec.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _promise(model: type[BaseModel]) -> str:
    return cleandoc(model.__doc__ or "").partition(_ATTRIBUTES)[0].strip()


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """Parameter → what its class says about it, under the name that books use."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        said = cleandoc(vars(one).get("__doc__") or "").partition(_ATTRIBUTES)[2]
        for line in _ENTRY.split(said)[1:]:
            names, _, text = line.partition(":")
            found |= {_written(model, name.strip()): " ".join(text.split()) for name in names.split(",")}
    return found


def _written(model: type[BaseModel], name: str) -> str:
    field = model.model_fields.get(name)
    return (field.alias if field else None) or name


def _type(about: Mapping[str, JsonValue]) -> str:
    """What to write, in a word or two."""
    if "$ref" in about:
        name = str(about["$ref"]).rpartition("/")[2]
        return "anything" if name == "JsonValue" else name
    if isinstance(several := about.get("anyOf", about.get("oneOf")), list):
        return " or ".join(_type(_mapping(one)) for one in several if _mapping(one).get("type") != "null")
    if isinstance(words := about.get("enum"), list):
        return " or ".join(f"`{word}`" for word in words)
    if "const" in about:
        return f"`{about['const']}`"
    if about.get("type") == "array":
        return f"list of {_type(_mapping(about.get('items', {})))}"
    if "examples" in about:
        return "duration"
    words_for: Mapping[str, str] = {"string": "text", "integer": "whole number", "number": "number"}
    named = {**words_for, "boolean": "`true` or `false`", "object": "name: value"}
    return named.get(str(about.get("type")), "anything")


def _default(about: Mapping[str, JsonValue]) -> str:
    default = about.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
