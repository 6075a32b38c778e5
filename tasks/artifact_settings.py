"""Settings in a file as JSON data: YAML, JSON, TOML, `.env`, `.ini`, `.conf` and `.properties`, by the file's name."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from pydantic import JsonValue, RootModel

from tasks.artifact_files import ArtifactFile
from tasks.artifact_yaml import LARGEST, read_yaml
from tminus.errors import CouldNotObserve

_SECTION = re.compile(r"\[([^\]]+)\]")
# `key = value`, `key: value`, and redis.conf's `key value`
_PROPERTY = re.compile(r"([^\s=:]+)\s*(?:[=:]\s*|\s)(.*)")
_COMMENT = re.compile(r"\s+[#;].*$")
_VARIABLE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)")


_Document = RootModel[JsonValue]


def read_settings(file: ArtifactFile) -> JsonValue:
    """What a file of settings says; raises CouldNotObserve where it cannot be read, or is of none of these formats."""
    name = PurePosixPath(file.name)
    suffix = ".env" if name.name == ".env" or name.name.startswith(".env.") else name.suffix.lower()
    reader = _READERS.get(suffix)
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise CouldNotObserve(f"{file.name} is no file of settings that can be read; those end with {known}")
    return reader(file)


def _json(file: ArtifactFile) -> JsonValue:
    return file.parsed(_Document, "JSON").root


def _toml(file: ArtifactFile) -> JsonValue:
    text = _bounded(file)
    try:
        return _plain(tomllib.loads(text))
    except (ValueError, RecursionError) as e:
        raise CouldNotObserve(f"{file.name} is no TOML that can be read") from e


def _plain(value: object) -> JsonValue:
    """TOML's times as text, as they stand in the other formats."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool) else str(value)


def _env(file: ArtifactFile) -> JsonValue:
    found: dict[str, JsonValue] = {}
    for line in _bounded(file).splitlines():
        if match := _VARIABLE.fullmatch(line.strip()):
            found[match[1]] = _unquoted(match[2])
    if not found:
        raise CouldNotObserve(f"{file.name} has no line such as NAME=value")
    return found


def _properties(file: ArtifactFile) -> JsonValue:
    """Sections are objects of their own; what stands before the first is at the top."""
    found: dict[str, JsonValue] = {}
    here: dict[str, JsonValue] = found
    for written in _bounded(file).splitlines():
        line = written.strip()
        if not line or line[0] in "#;!":
            continue
        if section := _SECTION.fullmatch(line):
            inner = found.setdefault(section[1].strip(), {})
            here = inner if isinstance(inner, dict) else {}
        elif match := _PROPERTY.fullmatch(line):
            here[match[1]] = _unquoted(match[2])
    if not found:
        raise CouldNotObserve(f"{file.name} has no line such as name = value")
    return found


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return _COMMENT.sub("", value)


def _bounded(file: ArtifactFile) -> str:
    if len(file.content) > LARGEST:
        raise CouldNotObserve(f"{file.name} has {len(file.content)} bytes, and over {LARGEST} no settings are read")
    return file.text()


_READERS: Mapping[str, Callable[[ArtifactFile], JsonValue]] = {
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".json": _json,
    ".toml": _toml,
    ".env": _env,
    ".ini": _properties,
    ".cfg": _properties,
    ".conf": _properties,
    ".properties": _properties,
}
