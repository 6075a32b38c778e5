"""Encrypting a file of the WAL on its way out, where there are keys, and decrypting it where it is encrypted."""

from collections.abc import Sequence

from pydantic import SecretStr

from tasks.backup_store import Readable
from tasks.backups.damage import Damaged
from tasks.backups.digested import CHUNK, Target
from tasks.backups.encryption import MAGIC, decrypt, encrypt
from tminus.errors import NotConfigured


def seal(plain: Readable, into: Target, recipients: Sequence[str]) -> None:
    """Encrypts a stream to these keys; where there is none it is stored as it is."""
    if recipients:
        encrypt(plain, into, recipients)
    else:
        _copy(plain, into)


def unseal(stored: Readable, into: Target, identity: SecretStr | None, where: str) -> None:
    """Decrypts a stream if it is encrypted.

    Raises Damaged where it does not decrypt, and NotConfigured where there is no key to do it with.
    """
    begun = _Begun(stored, len(MAGIC))
    if begun.head != MAGIC:
        _copy(begun, into)
        return
    if identity is None:
        raise NotConfigured(f"{where} is encrypted, and the environment names no backups.identity to decrypt it with")
    try:
        decrypt(begun, into, identity)
    except Damaged as e:
        raise Damaged(f"{where}: {e}") from e


def _copy(source: Readable, target: Target) -> None:
    while chunk := source.read(CHUNK):
        target.write(chunk)


class _Begun:
    """A stream of which the first bytes were looked at."""

    def __init__(self, source: Readable, count: int) -> None:
        self._source = source
        self.head = source.read(count)
        self._ahead = self.head

    def read(self, size: int = -1) -> bytes:
        if not self._ahead:
            return self._source.read(size)
        count = len(self._ahead) if size < 0 else size
        piece, self._ahead = self._ahead[:count], self._ahead[count:]
        return piece
