"""Encrypting and decrypting with age while streaming, and proving that nobody reads a file without the key.

age v1 (https://age-encryption.org/v1): a header that wraps a file key for each recipient, then chunks of 64 KiB, each
authenticated, the last one marked: what is cut off, altered or reordered does not decrypt.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from tasks.backup_store import Readable
from tasks.backups.damage import Damaged
from tasks.backups.digested import Target
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.foreign_text import printable

if TYPE_CHECKING:
    import pyrage

MAGIC = b"age-encryption.org/v1\n"
HEAD = 1 << 16  # bytes of a file that are enough to try to read it
_PLAIN = {
    b"PGDMP": "a dump of pg_dump",
    b"REDIS": "an RDB file",
    b"VALKEY": "an RDB file",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "a zip file",
    b"SQLite format 3": "an SQLite database",
}
_TAR = slice(257, 262)  # where a tar file says `ustar`
_LINES = 1024  # bytes that are text, where a file is
_NO_KEY = "No matching keys"
# https://age-encryption.org/v1: of the header the version's line, a stanza a recipient, and the line with the MAC; then
# a nonce, and each chunk with its tag. A writer may add a stanza that nobody can read (rage's has up to 180 bytes).
_HEADER, _STANZA, _UNREADABLE = 22 + 48, 98, 512
_NONCE, _CHUNK, _TAG = 16, 1 << 16, 16


def encrypt(source: Readable, target: Target, recipients: Sequence[str]) -> None:
    """Encrypts a stream to public keys; what the source or the target raise passes through. Blocks.

    Raises CouldNotObserve where a key is none.
    """
    import pyrage

    try:
        keys = [pyrage.x25519.Recipient.from_str(one) for one in recipients]
    except pyrage.RecipientError as e:
        raise CouldNotObserve("backups.recipients: one of them is no public age key (age1…)") from e
    kept = _Kept(source, target)
    try:
        pyrage.encrypt_io(kept, kept, keys)
    except (pyrage.EncryptError, OSError) as e:
        kept.reraise()
        raise CouldNotObserve(f"age could not encrypt: {printable(str(e))[:200]}") from e


def decrypt(source: Readable, target: Target, identity: SecretStr) -> None:
    """Decrypts a stream with a private key; what the source or the target raise passes through. Blocks.

    Raises Damaged where it was altered, cut off, or is encrypted to somebody else; what was written until then counts
    for nothing.
    """
    import pyrage

    key = _identity(identity)
    kept = _Kept(source, target)
    try:
        pyrage.decrypt_io(kept, kept, [key])
    except (pyrage.DecryptError, OSError) as e:
        kept.reraise()
        if _NO_KEY in str(e):
            raise Damaged("it is encrypted to another key, or its header was altered") from e
        raise Damaged("it is damaged: what age authenticates is not as it was encrypted, or was cut off") from e


def may_be_sealed(stored: int, plain: int, recipients: int) -> bool:
    """Whether so many stored bytes may be so many plain ones encrypted to so many keys; exact to half a kilobyte."""
    chunks = max(1, -(-plain // _CHUNK))
    least = _HEADER + recipients * _STANZA + _NONCE + plain + chunks * _TAG
    return least <= stored <= least + _UNREADABLE


def public_key(identity: SecretStr) -> str:
    """The public key of a private one; raises NotConfigured where it is none."""
    return str(_identity(identity).to_public())


def readable_without_key(head: bytes) -> Literal["no", "yes", "unproven"]:
    """Whether a file can be read by whoever has no key, found by trying.

    `no`: it is age's format, and a key made up for this does not open it. `yes`: its first bytes are those of a format
    that is not encrypted. `unproven`: neither, so its being unreadable was not shown.

    Args:
        head: its first HEAD bytes, or all where it has fewer.
    """
    import pyrage

    if head.startswith(MAGIC):
        try:
            pyrage.decrypt_io(io.BytesIO(head), io.BytesIO(), [pyrage.x25519.Identity.generate()])
        except pyrage.DecryptError as e:
            return "no" if _NO_KEY in str(e) else "unproven"
        except OSError:  # the key fitted, and the rest is missing
            return "yes"
        return "yes"
    return "yes" if plain_format(head) else "unproven"


def plain_format(head: bytes) -> str:
    """What format the bytes are plainly in; "" where they are in none that is known here."""
    for magic, name in _PLAIN.items():
        if head.startswith(magic):
            return name
    if head[_TAR] == b"ustar":
        return "a tar file"
    try:
        text = head[:_LINES].decode("utf-8", "strict" if len(head) <= _LINES else "ignore")
    except UnicodeDecodeError:
        return ""
    return "text" if text and text.replace("\n", "").replace("\t", "").replace("\r", "").isprintable() else ""


def _identity(identity: SecretStr) -> "pyrage.x25519.Identity":
    import pyrage

    lines = [line.strip() for line in identity.get_secret_value().splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        [key] = keys
        return pyrage.x25519.Identity.from_str(key)
    except (ValueError, pyrage.IdentityError):  # its message might quote what it read
        raise NotConfigured("backups.identity: what it refers to is no private age key (AGE-SECRET-KEY-1…)") from None


class _Kept:
    """A source and a target whose own errors survive pyrage, which makes another error of all of them."""

    def __init__(self, source: Readable, target: Target) -> None:
        self._source = source
        self._target = target
        self._error: BaseException | None = None

    def __enter__(self) -> None:
        """What is raised in the block is kept, and passes on."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._error = error or self._error

    def read(self, size: int = -1) -> bytes:
        with self:
            return self._source.read(size)

    def write(self, data: bytes) -> int:
        with self:
            self._target.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back here."""

    def reraise(self) -> None:
        if self._error is not None:
            raise self._error
