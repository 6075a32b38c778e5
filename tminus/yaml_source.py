"""YAML files with the line of every value, so that a mistake can be shown where it stands."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import rfc8785
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tminus.errors import BookError, Mistake, UsageError
from tminus.wording import fields, nearest, said
from tminus.yaml_document import Document, Place, parse

__all__ = ["Place", "Source", "in_order", "nearest", "shown"]

_M = TypeVar("_M", bound=BaseModel)
_json: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class Source:
    """A YAML file as read: its data, and the line of each place in it.

    Attributes:
        path: the file.
        data: plain JSON data.
    """

    def __init__(self, path: Path, document: Document) -> None:
        self.path = path
        self.data = document.data
        self._lines = document.lines
        self._defects = document.defects

    @classmethod
    def read(cls, path: Path) -> "Source":
        """Reads `path`; raises BookError with the line where it is no YAML, UsageError where it cannot be read."""
        try:
            document = parse(path.read_text("utf-8"))
        except OSError as e:
            raise UsageError(f"{path} cannot be read: {e.strerror}; give the path of a YAML file") from e
        except UnicodeDecodeError as e:
            raise UsageError(f"{path} is not text in UTF-8 (byte {e.start})") from e
        except MarkedYAMLError as e:
            raise BookError((_no_yaml(path, e),)) from e
        except YAMLError as e:
            raise BookError((Mistake(path, 1, "", f"not valid YAML: {str(e).splitlines()[0]}"),)) from e
        if not isinstance(document.data, dict):
            raise BookError((Mistake(path, 1, "", "expected `key: value` lines at the top of the file"),))
        return cls(path, document)

    @classmethod
    def thawed(cls, name: str, canonical: str) -> "Source":
        """The data that `freeze` wrote, read back; places have no lines any more."""
        return cls(Path(name), Document(_json.validate_json(canonical)))

    def freeze(self) -> str:
        """The data as RFC 8785 canonical JSON: equal texts mean equal data, whatever the layout."""
        return rfc8785.dumps(self.data).decode()

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest place around it that has one; 1-based."""
        return self._lines.get(self.known(place), 1)

    def known(self, place: Place) -> Place:
        """`place` without the parts that are pydantic's and not the file's."""
        here: Place = ()
        node = self.data
        for part in place:
            inside = _inside_of(node)
            if part in inside:
                here, node = (*here, part), inside[part]
        return here

    def mistake(self, place: Place, where: str, what: str) -> Mistake:
        """A mistake at `place` in this file."""
        return Mistake(self.path, self.line(place), where, what)

    def defects(self, where: Callable[[Place], str] | None = None) -> list[Mistake]:
        """What YAML allows and a book does not: a key twice, a tag. Whoever finds one builds nothing from `data`.

        Args:
            where: as for `mistakes`.
        """
        return [Mistake(self.path, found.line, (where or shown)(found.place), found.what) for found in self._defects]

    def mistakes(
        self,
        errors: Sequence[ErrorDetails],
        model: type[BaseModel],
        prefix: Place = (),
        where: Callable[[Place], str] | None = None,
    ) -> list[Mistake]:
        """What pydantic found, as mistakes in this file, with the nearest right name where a name is wrong.

        Args:
            errors: of one failed validation.
            model: what was validated.
            prefix: where in this file the validated data stands.
            where: puts a place in words; by default as `services.trading.version`.
        """
        places = [error["loc"] for error in errors]
        return [
            self._mistake(error, model, prefix, where or shown)
            for error in errors
            if error["type"] != "too_short" or not _has_inside(error["loc"], places)
        ]

    def _mistake(
        self, error: ErrorDetails, model: type[BaseModel], prefix: Place, where: Callable[[Place], str]
    ) -> Mistake:
        place = prefix + error["loc"]
        around = self.known(place[:-1] if error["type"] == "extra_forbidden" else place)
        return self.mistake(place, where(around), said(error, fields(model, error["loc"][:-1])))

    def load(self, model: type[_M], read: object = None, wrong: Sequence[Mistake] = ()) -> _M:
        """This file as a `model`; raises BookError naming every mistake at once.

        Args:
            model: what it says.
            read: its data, of which somebody read a part already; as they stand in the file if it is None.
            wrong: what they found wrong with that part.
        """
        found = [*self.defects(), *wrong]
        try:
            loaded = model.model_validate(self.data if read is None else read)
        except ValidationError as e:
            raise BookError(in_order([*found, *self.mistakes(e.errors(), model)])) from e
        if found:
            raise BookError(in_order(found))
        return loaded


def in_order(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """In the order of the file, each once."""
    return tuple(sorted(dict.fromkeys(mistakes), key=lambda mistake: mistake.line))


def shown(place: Place) -> str:
    """`services.trading`, `scans[0].tool`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def _inside_of(node: JsonValue) -> dict[int | str, JsonValue]:
    """What stands in a mapping by its keys, or in a list by number."""
    if isinstance(node, dict):
        return dict(node.items())
    return dict(enumerate(node)) if isinstance(node, list) else {}


def _has_inside(place: Place, places: Sequence[Place]) -> bool:
    """Whether one of `places` lies inside `place`: pydantic calls a list too short whose items it did not like."""
    return any(other != place and other[: len(place)] == place for other in places)


def _no_yaml(path: Path, error: MarkedYAMLError) -> Mistake:
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    while_ = f" {error.context}" if error.context else ""
    begun = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    return Mistake(path, line, "", f"not valid YAML: {error.problem}{while_}{begun}")
