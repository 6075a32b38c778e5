"""The paths that an OpenAPI description says need a credential."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from tasks.artifact_files import Folder, first_mistake
from tasks.artifact_settings import read_settings
from tminus.errors import CouldNotObserve

_LONGEST = 200  # characters of an example, and of a path in a sentence
_MOST_PATHS = 5000
_PLACE = re.compile(r"\{([^{}/]+)\}")
_ANY_ID = "1"

Security = list[dict[str, list[str]]]


def _scalar(value: object) -> str | None:
    """An example as text; None for what fits into no path: lists, objects, and what is beyond all length."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() < _LONGEST):
        return str(value)
    return None


class _Parameter(BaseModel, extra="ignore"):
    name: str = ""
    placed: str = Field(default="", alias="in")
    example: Annotated[str | None, BeforeValidator(_scalar)] = None


class _Variable(BaseModel, extra="ignore"):
    default: str = ""


class _Server(BaseModel, extra="ignore"):
    url: str = ""
    variables: dict[str, _Variable] = {}

    @property
    def path(self) -> str:
        """The path of its address, without a slash at the end."""
        url = _PLACE.sub(lambda place: self.variables.get(place[1], _Variable()).default, self.url)
        return urlsplit(url).path.rstrip("/")


class _Operation(BaseModel, extra="ignore"):
    security: Security | None = None
    parameters: list[_Parameter] = []
    servers: list[_Server] = []


class _Item(BaseModel, extra="ignore"):
    get: _Operation | None = None
    parameters: list[_Parameter] = []
    servers: list[_Server] = []
    elsewhere: str | None = Field(default=None, alias="$ref")


class _Description(BaseModel, extra="ignore"):
    openapi: str
    security: Security = []
    servers: list[_Server] = []
    paths: dict[str, _Item]


def protected_paths(folder: Path, name: str, base: str = "") -> tuple[str, ...]:
    """The paths of all GET operations that ask for a credential, places filled with their examples or `1`.

    They stand behind the path of the first server (the operation's, the path's or the document's), but for what of it
    `base`, the path of the address that is asked, already says. Raises CouldNotObserve where there is no such
    description in the folder, where it describes a path in another place (`$ref`), or none of its paths is protected.
    """
    document = _read(folder, name)
    elsewhere = [path for path, item in document.paths.items() if item.elsewhere is not None]
    if elsewhere:
        raise CouldNotObserve(
            f"{name} describes {len(elsewhere)} of {len(document.paths)} paths in another place (`$ref`), "
            f"such as {elsewhere[0][:_LONGEST]}; bundle it into one document"
        )
    paths = tuple(
        _behind(item.get.servers or item.servers or document.servers, base)
        + _filled(path, [*item.parameters, *item.get.parameters])
        for path, item in document.paths.items()
        if item.get is not None and _protected(document.security if item.get.security is None else item.get.security)
    )
    if not paths:
        raise CouldNotObserve(f"{name} describes no GET operation that asks for a credential (`security`)")
    return paths


def _behind(servers: list[_Server], base: str) -> str:
    path = servers[0].path if servers else ""
    return "" if base.rstrip("/").endswith(path) else path


def _protected(security: Security) -> bool:
    """An empty requirement among them means that a credential is optional."""
    return bool(security) and all(security)


def _filled(path: str, parameters: list[_Parameter]) -> str:
    examples = {one.name: one.example for one in parameters if one.placed == "path" and one.example is not None}
    return _PLACE.sub(lambda place: quote(examples.get(place[1], _ANY_ID), safe=""), path)


def _read(folder: Path, name: str) -> _Description:
    """The description, by the bounded readers: aliases of YAML are followed only as far as a file can mean."""
    file = Folder(folder, "artifacts").read(name)
    try:
        document = _Description.model_validate(read_settings(file))
    except ValidationError as e:
        raise CouldNotObserve(f"{name} is no OpenAPI description: {first_mistake(e)}") from e
    if len(document.paths) > _MOST_PATHS:
        raise CouldNotObserve(f"{name} describes {len(document.paths)} paths, and over {_MOST_PATHS} none is asked")
    return document
