"""How backups are encrypted, and where they are restored to be looked at."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

from tminus.credentials import SecretRef
from tminus.errors import UsageError
from tminus.quantity import NUMBER, Quantity
from tminus.systems.section import Section


def parse_size(text: object) -> int:
    """Reads `20 GB`, `512 MiB`, to the byte; raises ValueError with an example."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    wrong = f"{text!r} is not a size, such as '20 GB' or '512 MiB'"
    try:
        size = Quantity.parse(str(text))
        if not size.fits("B"):
            raise ValueError(wrong)
        return int(size.within("B"))
    except UsageError as e:
        raise ValueError(wrong) from e


def _show(size: int) -> str:
    return f"{size} B"


_WRITTEN = WithJsonSchema(
    {
        "type": "string",
        "pattern": rf"^\s*{NUMBER}\s*(?:B|kB|MB|GB|KiB|MiB|GiB)\s*$",
        "examples": ["20 GB", "512 MiB"],
    }
)
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(_show, return_type=str), _WRITTEN]
"""Bytes, written with their unit."""
Recipient = Annotated[str, StringConstraints(pattern=r"^age1[02-9ac-hj-np-z]{58}$")]
"""A public X25519 key of age: Bech32 without its checksum looked at."""


class Backups(Section):
    """What taking and verifying backups needs.

    Attributes:
        recipients: the public age keys to which backups are encrypted; whoever takes one needs nothing else.
        identity: a reference to the private age key, for whoever verifies or restores.
        seal: a reference to a secret of 32 characters or more, with which `tminus archive-wal` marks each file; where
            it is given, no other WAL is restored from.
        scratch: a folder of this machine's own in which backups are restored; nothing else belongs there.
        disk: how much one restore may fill there.
    """

    recipients: tuple[Recipient, ...] = ()
    identity: SecretRef | None = None
    seal: SecretRef | None = None
    scratch: Path
    disk: Annotated[Size, Field(gt=0)] = 20_000_000_000
