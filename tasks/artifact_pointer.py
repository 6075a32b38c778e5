"""JSON Pointer, RFC 6901: `/spec/containers/0/image`, with `~1` for a slash and `~0` for a tilde in a name."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, JsonValue

from tasks.journey_values import ABSENT, Absent

_FORM = re.compile(r"(?:/(?:[^/~]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def _well_formed(pointer: str) -> str:
    if not _FORM.fullmatch(pointer):
        raise ValueError(f"{pointer!r} is no JSON Pointer, such as '/spec/replicas'; a '~' in a name is written '~0'")
    return pointer


Pointer = Annotated[str, AfterValidator(_well_formed)]
"""A JSON Pointer; "" is the whole document."""


def at_pointer(document: JsonValue, pointer: str) -> JsonValue | Literal[Absent.ABSENT]:
    """What stands there, or ABSENT."""
    here = document
    for written in pointer.split("/")[1:]:
        part = written.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and _INDEX.fullmatch(part) and int(part) < len(here):
            here = here[int(part)]
        else:
            return ABSENT
    return here
