"""An OpenAPI description: what it says of its operations."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from pydantic import JsonValue

from tasks.artifact_files import ArtifactFile, shown
from tasks.artifact_pointer import at_pointer
from tasks.artifact_settings import read_settings
from tasks.journey_values import ABSENT
from tminus.errors import CouldNotObserve

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_HOPS = 10  # references that lead to references
_VALUES = 200_000

Object = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: `GET /orders`.
        secured: a scheme that the document defines is wanted for it, and it cannot be left out.
        validated: each of its parameters and bodies has a schema that says something; without inputs it is so too.
        described: it says what it does, and what it answers.
    """

    name: str
    secured: bool
    validated: bool
    described: bool


class Description:
    """An OpenAPI 3 document as read.

    Args:
        file: raises CouldNotObserve where it is no such document, or has references that lead out of it.

    Attributes:
        document: all of it.
    """

    def __init__(self, file: ArtifactFile) -> None:
        document = read_settings(file)
        version = document.get("openapi") if isinstance(document, dict) else None
        if not (isinstance(document, dict) and isinstance(version, str) and version.startswith("3.")):
            raise CouldNotObserve(f"{file.name} is no OpenAPI 3 document: it does not say openapi: 3.x")
        for reference in _references(document, file.name):
            if not reference.startswith("#"):
                raise CouldNotObserve(f"{file.name} refers to {shown(reference)} outside of it; make one file of both")
        self.document: Object = document
        self._name = file.name

    def operations(self) -> list[Operation]:
        """All of them, in the document's order."""
        return list(self._operations())

    def lost_reference(self) -> str | None:
        """The first reference that leads nowhere; None where each leads somewhere."""
        references = _references(self.document, self._name)
        return next((each for each in references if at_pointer(self.document, unquote(each[1:])) is ABSENT), None)

    def _operations(self) -> Iterator[Operation]:
        for path, written in _object(self.document.get("paths")).items():
            item = self._resolved(written)
            shared = _list(item.get("parameters"))
            for method in _METHODS:
                if isinstance(operation := item.get(method), dict):
                    yield Operation(
                        name=shown(f"{method.upper()} {path}"),
                        secured=self._secured(operation),
                        validated=self._validated(operation, shared),
                        described=_says_something(operation) and bool(_object(operation.get("responses"))),
                    )

    def _secured(self, operation: Object) -> bool:
        """Each alternative of its `security`, else of the document's, names a scheme that is defined."""
        wanted = operation["security"] if "security" in operation else self.document.get("security")
        schemes = _object(_object(self.document.get("components")).get("securitySchemes"))
        alternatives = [_object(each) for each in _list(wanted)]
        return bool(alternatives) and all(each and each.keys() <= schemes.keys() for each in alternatives)

    def _validated(self, operation: Object, shared: list[JsonValue]) -> bool:
        parameters = [self._resolved(each) for each in (*shared, *_list(operation.get("parameters")))]
        if not all(self._constrained(each) for each in parameters):
            return False
        return "requestBody" not in operation or self._has_schemas(self._resolved(operation["requestBody"]))

    def _constrained(self, parameter: Object) -> bool:
        return self._says(parameter.get("schema")) or self._has_schemas(parameter)

    def _has_schemas(self, holder: Object) -> bool:
        content = _object(holder.get("content"))
        return bool(content) and all(self._says(self._resolved(media).get("schema")) for media in content.values())

    def _says(self, schema: JsonValue) -> bool:
        """Whether a schema refuses anything; an empty one does not."""
        return bool(self._resolved(schema))

    def _resolved(self, value: JsonValue) -> Object:
        """The object meant, after its references; empty where there is none."""
        for _ in range(_HOPS):
            reference = value.get("$ref") if isinstance(value, dict) else None
            if not isinstance(reference, str):
                return _object(value)
            found = at_pointer(self.document, unquote(reference[1:]))
            value = found if isinstance(found, dict) else None
        return {}


def _says_something(operation: Object) -> bool:
    return any(isinstance(text := operation.get(name), str) and text.strip() for name in ("summary", "description"))


def _references(document: JsonValue, name: str) -> Iterator[str]:
    left: list[JsonValue] = [document]
    for _ in range(_VALUES):
        if not left:
            return
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
            if isinstance(reference := value.get("$ref"), str):
                yield reference
        elif isinstance(value, list):
            left += value
    raise CouldNotObserve(f"{name} has over {_VALUES} values, and is not read")


def _object(value: JsonValue) -> Object:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
