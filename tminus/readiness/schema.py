"""JSON Schema of a readiness chapter as people write it, for editors that complete and underline."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from tminus.editor_schema import DIALECT, AsWritten, conditions_of
from tminus.readiness.book import Chapter, Line
from tminus.readiness.source import QUESTIONS
from tminus.runbook import Spec

_Schema = dict[str, JsonValue]
_WAYS = ("check", "all", *QUESTIONS, "at_launch", "same_as")


def readiness_schema(kinds: Mapping[str, type[Spec]]) -> _Schema:
    """The schema of a chapter: for each check its parameters, and what it measures in which unit."""
    checks = [spec for spec in kinds.values() if getattr(spec, "verb", "") == "check"]
    models: Sequence[type[BaseModel]] = [Chapter, *checks]
    refs, schema = models_json_schema([(model, "validation") for model in models], schema_generator=AsWritten)
    defined = _mapping(schema["$defs"])
    names = {model: str(refs[model, "validation"]["$ref"]).removeprefix("#/$defs/") for model in models}
    own = {spec: _mapping(defined[names[spec]]) for spec in checks}
    known = {kind: spec for kind, spec in kinds.items() if spec in own}
    defined[Line.__name__] = _line(_mapping(defined[Line.__name__]))
    defined["Check"] = _check(known, own)
    used = {name: value for name, value in defined.items() if name not in {*names.values(), Spec.__name__}}
    return {"$schema": DIALECT, **_mapping(defined[names[Chapter]]), "$defs": used}


def _line(line: _Schema) -> _Schema:
    """A line: exactly one way to judge it; with a check inline, what a check may have stands beside it."""
    plain = {name: value for name, value in _mapping(line["properties"]).items() if name != "checks"}
    check: JsonValue = {"$ref": "#/$defs/Check"}
    inline: _Schema = {"check": {"type": "string"}, "with": {"type": "object"}, "expect": {"type": "object"}}
    return {
        "type": "object",
        "description": line.get("description"),
        "properties": {**plain, **inline, "all": {"type": "array", "items": check, "minItems": 1}},
        "additionalProperties": False,
        "required": ["ref", "title"],
        "oneOf": [{"required": [way]} for way in _WAYS],
        "if": {"required": ["check"]},
        "then": {"$ref": "#/$defs/Check"},
    }


def _check(kinds: Mapping[str, type[Spec]], own: Mapping[type[Spec], _Schema]) -> _Schema:
    return {
        "type": "object",
        "properties": {"check": {"enum": [*kinds]}, "with": {"type": "object"}, "expect": {"type": "object"}},
        "required": ["check"],
        "allOf": [*conditions_of(kinds, own)],
    }


def _mapping(value: JsonValue) -> _Schema:
    return value if isinstance(value, dict) else {}
