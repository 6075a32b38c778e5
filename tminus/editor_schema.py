"""JSON Schema of the files as people write them, for editors that complete and underline."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from tminus.clock import show_duration
from tminus.quantity import NUMBER, Quantity, known_units
from tminus.runbook import PEOPLE_KINDS, Runbook, Spec, Step
from tminus.runbook_source import VERBS
from tminus.spec_source import KIND_VERBS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SIGN = r"^\s*(<=|>=|!=|<|>|=)\s*"
_NUMBER = rf"[+-]?{NUMBER}\s*"
_Schema = dict[str, JsonValue]


class AsWritten(GenerateJsonSchema):
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
    return {"$schema": DIALECT, **model.model_json_schema(schema_generator=AsWritten)}


def runbook_schema(kinds: Mapping[str, type[Spec]]) -> _Schema:
    """The schema of a book: for each kind its parameters, and what it measures in which unit."""
    specs = [*kinds.values(), *PEOPLE_KINDS.values()]
    models: Sequence[type[BaseModel]] = [Runbook, *specs]
    refs, schema = models_json_schema([(model, "validation") for model in models], schema_generator=AsWritten)
    defined = _mapping(schema["$defs"])
    names = {model: str(refs[model, "validation"]["$ref"]).removeprefix("#/$defs/") for model in models}
    own = {spec: _mapping(defined[names[spec]]) for spec in specs}
    defined[Step.__name__] = _step(_mapping(defined[Step.__name__]), kinds, own)
    used = {name: value for name, value in defined.items() if name not in {*names.values(), Spec.__name__}}
    return {"$schema": DIALECT, **_mapping(defined[names[Runbook]]), "$defs": used}


def _step(step: _Schema, kinds: Mapping[str, type[Spec]], own: Mapping[type[Spec], _Schema]) -> _Schema:
    """A step: exactly one verb, and by its kind what may stand under `with` and `expect`."""
    named = {verb: [kind for kind, spec in kinds.items() if _verb(spec) == verb] for verb in KIND_VERBS}
    asking: _Schema = {name: _question(own[spec]) for name, spec in PEOPLE_KINDS.items()}
    plain = {name: value for name, value in _mapping(step["properties"]).items() if name != "does"}
    kind_keys: _Schema = {verb: {"enum": [*found]} for verb, found in named.items()}
    return {
        "type": "object",
        "description": step.get("description"),
        "properties": {**plain, **kind_keys, **asking, "with": {"type": "object"}, "expect": {"type": "object"}},
        "additionalProperties": False,
        "required": [name for name in _sequence(step["required"]) if name != "does"],
        "oneOf": [{"required": [verb]} for verb in VERBS],
        "allOf": [
            *conditions_of(kinds, own),
            *(_when(verb, True, {"properties": {"with": False, "expect": False}}) for verb in PEOPLE_KINDS),
        ],
    }


def conditions_of(kinds: Mapping[str, type[Spec]], own: Mapping[type[Spec], _Schema]) -> list[JsonValue]:
    """For each kind, what may stand under `with` and `expect` where it is named; `own` has each kind's own schema."""
    return [_when(_verb(spec), {"const": kind}, _of_kind(spec, own[spec])) for kind, spec in kinds.items()]


def _when(verb: str, says: JsonValue, then: _Schema) -> _Schema:
    return {"if": {"required": [verb], "properties": {verb: says}}, "then": then}


def _question(schema: _Schema) -> _Schema:
    asked = _parameters(schema)
    return asked if asked["required"] else {"anyOf": [asked, {"type": "null"}]}


def _of_kind(spec: type[Spec], schema: _Schema) -> _Schema:
    parameters = _parameters(schema)
    required: list[JsonValue] = ["with"] if parameters["required"] else []
    expect: JsonValue = False
    if "expect" in spec.model_fields:
        expect = _expectations(getattr(spec, "measures", {}))
        required += ["expect"] if spec.model_fields["expect"].is_required() else []
    said = (spec.__doc__ or spec.__name__).strip().splitlines()[0]
    return {"description": said, "properties": {"with": parameters, "expect": expect}, "required": required}


def _parameters(schema: _Schema) -> _Schema:
    """What stands under `with`, or under the key of a question."""
    found = {name: v for name, v in _mapping(schema["properties"]).items() if name not in {"kind", "expect"}}
    needed: list[JsonValue] = [name for name in _sequence(schema.get("required", [])) if name in found]
    return {"type": "object", "properties": found, "additionalProperties": False, "required": needed}


def _verb(spec: type[Spec]) -> str:
    return str(getattr(spec, "verb", KIND_VERBS[0]))


def _expectations(measures: Mapping[str, str]) -> _Schema:
    """What may be expected of each measurement, by its unit."""
    each: _Schema = {
        name: {"type": "string", "pattern": _pattern(unit), "description": f"in {unit}" if unit else "a count"}
        for name, unit in measures.items()
    }
    return {"type": "object", "properties": each, "additionalProperties": False, "minProperties": 1}


def _pattern(unit: str) -> str:
    if unit == "word":
        return r"^\s*(=|!=)\s*(?![+-]?\d|all\s*$)[^\s<>=!≤≥≠].*$"
    if not unit:
        return rf"({_SIGN}{_NUMBER}|^\s*(=|!=)\s*all\s*)$"
    return rf"{_SIGN}{_NUMBER}{'/'.join(_units(part) for part in unit.split('/'))}\s*$"


def _units(part: str) -> str:
    """The units that may stand where `part` is measured; a word that is no unit stands for itself."""
    fitting = [known for known in known_units() if Quantity(value=Decimal(1), unit=known).fits(part)]
    return f"({'|'.join([*fitting, 'percent'] if '%' in fitting else fitting or [part])})"


def _mapping(value: JsonValue) -> _Schema:
    return value if isinstance(value, dict) else {}


def _sequence(value: JsonValue) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
