"""XML of strangers, read element by element: no entities, nothing fetched, no tree that could fill the memory."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Never

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from tasks.artifact_files import ArtifactFile
from tminus.errors import CouldNotObserve

_MOST = 1_000_000  # elements
_DEEPEST = 64


class Elements(ABC):
    """What is done with a document's elements, in their order."""

    @abstractmethod
    def begin(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        """An element begins; `path` are the names from the root down to its own, without namespaces."""

    @abstractmethod
    def end(self, path: tuple[str, ...]) -> None:
        """It ends."""


class _Walk:
    """What the parser calls: keeps the path, and the bounds."""

    def __init__(self, name: str, elements: Elements) -> None:
        self._name = name
        self._elements = elements
        self._path: list[str] = []
        self._count = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._path.append(tag.rpartition("}")[2])
        self._count += 1
        if self._count > _MOST or len(self._path) > _DEEPEST:
            self._refuse()
        self._elements.begin(tuple(self._path), attributes)

    def end(self, _tag: str) -> None:
        self._elements.end(tuple(self._path))
        self._path.pop()

    def close(self) -> None:
        """The parser asks for it."""

    def _refuse(self) -> Never:
        raise CouldNotObserve(f"{self._name} has over {_MOST} elements or over {_DEEPEST} levels, and is not read")


def walk(file: ArtifactFile, elements: Elements) -> None:
    """Goes through a document.

    A DOCTYPE may stand there, since coverage tools write one; it is not fetched. Raises CouldNotObserve where the
    document is not well-formed, declares an entity, or is larger or deeper than a report can be.
    """
    parser = XMLParser(target=_Walk(file.name, elements), forbid_dtd=False, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(file.content)
        parser.close()
    except DefusedXmlException as e:
        raise CouldNotObserve(f"{file.name} declares an entity, as no report does; it is not read") from e
    except (ParseError, ValueError, LookupError) as e:  # LookupError: an encoding that nobody knows
        place = getattr(e, "position", None)
        where = f" at line {place[0]}" if place else ""
        raise CouldNotObserve(f"{file.name} is not XML that can be read{where}; was it cut?") from e
