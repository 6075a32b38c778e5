"""YAML files with the line of every value, so that a mistake can be shown where it stands."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import rfc8785
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from tminus.errors import BookError, Mistake, UsageError

_M = TypeVar("_M", bound=BaseModel)
Place = tuple[int | str, ...]
_json: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class Source:
    """A YAML file as read: its data, and the line of each place in it.

    Attributes:
        path: the file.
        data: plain JSON data.
    """

    def __init__(self, path: Path, tree: object) -> None:
        self.path = path
        self._tree = tree
        self.data: JsonValue = _json.validate_python(_plain(tree))

    @classmethod
    def read(cls, path: Path) -> "Source":
        """Reads `path`; raises BookError with the line where it is no YAML, or names a key twice."""
        try:
            tree = YAML(typ="rt").load(path.read_text("utf-8"))
        except OSError as e:
            raise UsageError(f"{path} cannot be read: {e.strerror}; give the path of a YAML file") from e
        except UnicodeDecodeError as e:
            raise UsageError(f"{path} is not text in UTF-8 (byte {e.start})") from e
        except MarkedYAMLError as e:
            line = e.problem_mark.line + 1 if e.problem_mark else 1
            raise BookError((Mistake(path, line, "", f"not valid YAML: {e.problem}"),)) from e
        if not isinstance(tree, CommentedMap):
            raise BookError((Mistake(path, 1, "", "expected `key: value` lines at the top of the file"),))
        return cls(path, tree)

    @classmethod
    def thawed(cls, name: str, canonical: str) -> "Source":
        """The data that `freeze` wrote, read back; places have no lines any more."""
        return cls(Path(name), _json.validate_json(canonical))

    def freeze(self) -> str:
        """The data as RFC 8785 canonical JSON: equal texts mean equal data, whatever the layout."""
        return rfc8785.dumps(self.data).decode()

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest place around it that has one; 1-based."""
        node, line = self._tree, 1
        for part in place:
            found = _line_below(node, part)
            if found is None:
                continue
            line, node = found
        return line

    def mistakes(
        self, errors: Sequence[ErrorDetails], prefix: Place = (), model: type[BaseModel] | None = None
    ) -> list[Mistake]:
        """What pydantic found, as mistakes in this file, with the nearest right name where a name is wrong."""
        return [
            Mistake(self.path, self.line(prefix + error["loc"]), _shown(prefix + error["loc"]), _said(error, model))
            for error in errors
        ]

    def load(self, model: type[_M]) -> _M:
        """This file as a `model`; raises BookError naming every mistake at once."""
        try:
            return model.model_validate(self.data)
        except ValidationError as e:
            raise BookError(tuple(self.mistakes(e.errors(), model=model))) from e


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` where something known is close, else the known ones."""
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def _plain(node: object) -> object:
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, (bool, int, type(None))):
        return node
    return float(node) if isinstance(node, float) else str(node)


def _line_below(node: object, part: int | str) -> tuple[int, object] | None:
    if isinstance(node, CommentedMap) and part in node:
        return int(node.lc.key(part)[0]) + 1, node[part]
    if isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
        return int(node.lc.item(part)[0]) + 1, node[part]
    return None


def _shown(place: Place) -> str:
    shown = ""
    for part in place:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shown.lstrip(".")


def _said(error: ErrorDetails, model: type[BaseModel] | None) -> str:
    name = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        siblings = _fields(model, error["loc"][:-1]) if model else ()
        return f"unknown key {name!r}{nearest(name, siblings)}"
    if error["type"] == "missing":
        return f"{name!r} is missing"
    return str(error["msg"]).removeprefix("Value error, ")


def _fields(model: type[BaseModel], place: Place) -> tuple[str, ...]:
    here: object = model
    for part in place:
        field = here.model_fields.get(str(part)) if isinstance(here, type) and issubclass(here, BaseModel) else None
        if field is not None:
            here = _inner_model(field.annotation) or here
    return tuple(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else ()


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _inner_model(argument)) is not None:
            return found
    return None
