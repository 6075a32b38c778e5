"""The paths that an OpenAPI description says need a credential."""

import re
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, Field, JsonValue, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tminus.errors import CouldNotObserve

_LARGEST = 16 * 1024 * 1024  # bytes
_PLACE = re.compile(r"\{([^{}/]+)\}")
_ANY_ID = "1"

Security = list[dict[str, list[str]]]


class _Parameter(BaseModel, extra="ignore"):
    name: str = ""
    placed: str = Field(default="", alias="in")
    example: JsonValue = None


class _Operation(BaseModel, extra="ignore"):
    security: Security | None = None
    parameters: list[_Parameter] = []


class _Item(BaseModel, extra="ignore"):
    get: _Operation | None = None
    parameters: list[_Parameter] = []


class _Description(BaseModel, extra="ignore"):
    openapi: str
    security: Security = []
    paths: dict[str, _Item]


def protected_paths(folder: Path, name: str) -> tuple[str, ...]:
    """The paths of all GET operations that ask for a credential, places filled with their examples or `1`.

    Raises CouldNotObserve where there is no such description in the folder, or none of its paths is protected.
    """
    document = _read(folder, name)
    paths = tuple(
        _filled(path, [*item.parameters, *item.get.parameters])
        for path, item in document.paths.items()
        if item.get is not None and _protected(document.security if item.get.security is None else item.get.security)
    )
    if not paths:
        raise CouldNotObserve(f"{name} describes no GET operation that asks for a credential (`security`)")
    return paths


def _protected(security: Security) -> bool:
    """An empty requirement among them means that a credential is optional."""
    return bool(security) and all(security)


def _filled(path: str, parameters: list[_Parameter]) -> str:
    examples = {one.name: one.example for one in parameters if one.placed == "path" and one.example is not None}
    return _PLACE.sub(lambda place: quote(str(examples.get(place[1], _ANY_ID)), safe=""), path)


def _read(folder: Path, name: str) -> _Description:
    try:
        path = (folder / name).resolve(strict=True)
        if not path.is_relative_to(folder.resolve()):
            raise CouldNotObserve(f"{name} leads out of the folder of artifacts")
        if path.stat().st_size > _LARGEST:
            raise CouldNotObserve(f"{name} has {path.stat().st_size} bytes, more than is read")
        return _Description.model_validate(YAML(typ="safe").load(path.read_text("utf-8")))
    except OSError as e:
        raise CouldNotObserve(f"{name} cannot be read among the artifacts ({type(e).__name__}); has CI left it?") from e
    except (YAMLError, ValidationError, ValueError, RecursionError) as e:
        raise CouldNotObserve(f"{name} is no OpenAPI description ({type(e).__name__})") from e
