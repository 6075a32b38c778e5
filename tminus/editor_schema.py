"""JSON Schema of the files as people write them, for editors that complete and underline."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from tminus.clock import show_duration
from tminus.quantity import NUMBER, Quantity, known_units
from tminus.runbook import PEOPLE_KINDS, Runbook, Spec, Step
from tminus.runbook_source import KIND_VERBS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFINED = "#/$defs/"
_SIGN = r"^\s*(<=|>=|!=|<|>|=)\s*"
_NUMBER = rf"[+-]?{NUMBER}\s*"
_Schema = dict[str, JsonValue]


class _AsWritten(GenerateJsonSchema):
    """Shows defaults as a person would write them."""

    def encode_default(self, dft: object) -> JsonValue:
        """`30s`, where pydantic would say `PT30S`."""
        if isinstance(dft, timedelta):
            return show_duration(dft)
        encoded: JsonValue = super().encode_default(dft)
        return encoded

    def field_title_should_be_set(self, schema: object) -> bool:
        """A title that only repeats the name tells nobody anything."""
        del schema
        return False


def file_schema(model: type[BaseModel]) -> _Schema:
    """The schema of a release, people or environment file."""
    return {"$schema": DIALECT, **model.model_json_schema(schema_generator=_AsWritten)}


def runbook_schema(kinds: Mapping[str, type[Spec]]) -> _Schema:
    """The schema of a book: one branch for each kind, with its parameters and what it measures.

    A branch repeats every key of a step, so that a key it does not know is underlined by editors that
    understand no more than `additionalProperties`.
    """
    specs = [*kinds.values(), *PEOPLE_KINDS.values()]
    models: Sequence[type[BaseModel]] = [Runbook, *specs]
    refs, schema = models_json_schema([(model, "validation") for model in models], schema_generator=_AsWritten)
    defined = _mapping(schema["$defs"])
    names = {model: _name(refs[model, "validation"]) for model in models}
    step = _mapping(defined[Step.__name__])
    common = {name: value for name, value in _mapping(step["properties"]).items() if name != "does"}
    required = [name for name in _sequence(step["required"]) if name != "does"]
    branches = [
        _branch(common, required, *_own_keys(spec, _mapping(defined[names[spec]])), _promise(spec)) for spec in specs
    ]
    defined[Step.__name__] = {"description": step.get("description"), "anyOf": [*branches]}
    used = {name: value for name, value in defined.items() if name not in {*names.values(), Spec.__name__}}
    return {"$schema": DIALECT, **_mapping(defined[names[Runbook]]), "$defs": used}


def _promise(spec: type[Spec]) -> str:
    """The first line of what a kind promises."""
    return (spec.__doc__ or spec.__name__).strip().splitlines()[0]


def _branch(
    common: _Schema, required: Sequence[JsonValue], own: _Schema, own_required: list[str], said: str
) -> _Schema:
    return {
        "type": "object",
        "description": said,
        "properties": {**common, **own},
        "required": [*required, *own_required],
        "additionalProperties": False,
    }


def _own_keys(spec: type[Spec], schema: _Schema) -> tuple[_Schema, list[str]]:
    """The keys that only a step of this kind has, and which of them it must have."""
    kind = str(spec.model_fields["kind"].default)
    parameters = {name: v for name, v in _mapping(schema["properties"]).items() if name not in {"kind", "expect"}}
    needed: list[JsonValue] = [name for name in _sequence(schema.get("required", [])) if name in parameters]
    inside: _Schema = {"type": "object", "properties": parameters, "additionalProperties": False, "required": needed}
    if kind in PEOPLE_KINDS:
        return {kind: inside if needed else {"anyOf": [inside, {"type": "null"}]}}, [kind]
    verb = str(getattr(spec, "verb", KIND_VERBS[0]))
    keys: _Schema = {verb: {"const": kind, "description": _promise(spec)}, "with": inside}
    must = [verb, "with"] if needed else [verb]
    if "expect" in spec.model_fields:
        keys["expect"] = _expectations(getattr(spec, "measures", {}))
        must += ["expect"] if spec.model_fields["expect"].is_required() else []
    return keys, must


def _expectations(measures: Mapping[str, str]) -> _Schema:
    """What may be expected of each measurement, by its unit."""
    each: _Schema = {
        name: {"type": "string", "pattern": _pattern(unit), "description": f"in {unit}" if unit else "a count"}
        for name, unit in measures.items()
    }
    return {"type": "object", "properties": each, "additionalProperties": False, "minProperties": 1}


def _pattern(unit: str) -> str:
    if unit == "word":
        return r"^\s*(=|!=)\s*[^\s\d].*$"
    if unit == "%":
        return _SIGN + _NUMBER + r"(%|percent)\s*$"
    above, _, below = unit.partition("/")
    units = "|".join(known for known in known_units() if Quantity(value=Decimal(1), unit=known).same_kind(above))
    if not below and "%" in units.split("|"):
        return rf"{_SIGN}(?!{_NUMBER}({'|'.join(_measuring())})\s*$)({_NUMBER}[^/]*|all)\s*$"
    return rf"{_SIGN}{_NUMBER}{'[^/]*' if '%' in units else f'({units})'}{f'/{below}' if below else ''}\s*$"


def _measuring() -> Iterator[str]:
    """The units that do not count things."""
    return (unit for unit in known_units() if not Quantity(value=Decimal(1), unit=unit).same_kind(""))


def _name(ref: Mapping[str, JsonValue]) -> str:
    return str(ref["$ref"]).removeprefix(_DEFINED)


def _mapping(value: JsonValue) -> _Schema:
    return value if isinstance(value, dict) else {}


def _sequence(value: JsonValue) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
