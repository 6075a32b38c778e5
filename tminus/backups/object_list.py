"""The list of a set of objects, one line an object in the order of their keys, and what is counted over it."""

import hashlib
from dataclasses import dataclass
from typing import Annotated

import rfc8785
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, ValidationError

from tminus.backups.contents import Marker, ObjectsContents
from tminus.backups.manifest import Sha256
from tminus.errors import CouldNotObserve, UsageError

LIST = "objects.jsonl"
"""What the list is called among a backup's files."""
MARKER_OBJECT = "tminus/marker.json"
"""The object, below the set's prefix, in which `tminus mark` leaves `number` and `at`."""
_LONGEST = 1 << 16  # bytes of a line; a key has 1,024 at most, and an object's metadata 2 KB


class ListedObject(BaseModel, frozen=True, extra="forbid"):
    """One object, as it was when the set was backed up.

    Attributes:
        version: S3's id of this version; "null" where the bucket keeps none.
        etag: what S3 gave it.
        stored: where its content lies, below the store's folder of contents; two objects may share one.
        content_type: with which it was stored, as its metadata.
    """

    key: str
    version: str
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256
    etag: str
    modified: AwareDatetime
    stored: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+/[0-9a-f]{2}/[0-9a-f]{64}$")]
    content_type: str = ""
    metadata: dict[str, str] = Field(default_factory=dict)

    def line(self) -> bytes:
        """As it is stored, with the line's end."""
        return rfc8785.dumps(self.model_dump(mode="json")) + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "ListedObject":
        """Raises ValueError where it is no such line."""
        if len(line) > _LONGEST:
            raise ValueError(f"a line of {len(line)} bytes")
        try:
            return cls.model_validate_json(line)
        except ValidationError as e:
            raise ValueError("it does not describe an object") from e


class ListCount:
    """Counts a list while it passes; keys must come in their order, each once."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._last = b""
        self._objects = 0
        self._size = 0

    def add(self, one: ListedObject) -> None:
        """The next object; raises ValueError where its key does not come after the one before."""
        key = one.key.encode()
        if key <= self._last:
            raise ValueError("its keys are not in order")
        self._last = key
        self._objects += 1
        self._size += one.size
        self._digest.update(one.line())

    def contents(self) -> ObjectsContents:
        """What was counted so far."""
        return ObjectsContents(objects=self._objects, size=self._size, checksum=self._digest.hexdigest())


def list_differences(taken: ObjectsContents, found: ObjectsContents) -> list[str]:
    """How a list differs from what was counted when it was written."""
    wrong = []
    if taken.objects != found.objects:
        wrong.append(f"the list names {found.objects} objects, and {taken.objects} were backed up")
    if taken.size != found.size:
        wrong.append(f"the list names {found.size} bytes, and {taken.size} were backed up")
    if not wrong and taken.checksum != found.checksum:
        wrong.append("the list names other objects, versions or contents than were backed up")
    return wrong


def read_marker(text: bytes) -> Marker | None:
    """The mark in a marker object; None where it makes no sense."""
    try:
        return Marker.model_validate_json(text)
    except ValidationError:
        return None


@dataclass(frozen=True)
class ObjectQuery:
    """What a book may ask of a set of objects: how many, or how many bytes, are below a prefix.

    Attributes:
        of: `COUNT` or `SIZE`.
    """

    of: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "ObjectQuery":
        """Reads `COUNT prefix`, `SIZE prefix`, or a prefix alone; raises UsageError with an example."""
        word, _, rest = text.strip().partition(" ")
        if word.upper() in {"COUNT", "SIZE"}:
            return cls(word.upper(), rest.strip())
        if rest or not word:
            raise UsageError(
                f"{text!r} is no question for objects; write one such as 'COUNT invoices/' or 'SIZE logs/'"
            )
        return cls("COUNT", word)

    def adds(self, one: ListedObject) -> int:
        """What an object adds to the answer."""
        if not one.key.startswith(self.prefix):
            return 0
        return 1 if self.of == "COUNT" else one.size


def require_listed(what: str, line: bytes, number: int, count: ListCount) -> ListedObject:
    """A line of a list, counted; raises CouldNotObserve, naming its number, where it is none or stands elsewhere."""
    try:
        one = ListedObject.read(line)
        count.add(one)
    except ValueError as e:
        raise CouldNotObserve(f"{what}: line {number} of {LIST}: {e}") from e
    return one
