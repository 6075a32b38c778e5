"""Redis files whose bytes are wrong in ways of their own: an RDB file's checksum, the end of what is appended."""

from abc import abstractmethod
from typing import ClassVar

from bench.backups_gauntlet.damage import AOF, RDB, Damage
from bench.backups_gauntlet.damages.redis_keys import resp
from bench.backups_gauntlet.trial import Trial

_TOLD = ("restored", "databases_differ")


class Rdb(Damage, abstract=True):
    """The bytes of an RDB file are others."""

    stores: ClassVar[tuple[str, ...]] = (RDB,)
    notices: ClassVar[tuple[str, ...]] = _TOLD

    @abstractmethod
    def change(self, data: bytes) -> bytes:
        """The file with its damage."""

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        before = trial.plain()
        after = self.change(before)
        assert after != before
        trial.put_file(after, consistent=consistent)


class Aof(Rdb, abstract=True):
    """The bytes of what is appended are others."""

    stores: ClassVar[tuple[str, ...]] = (AOF,)


class NoChecksum(Rdb):
    """An RDB file lacks the checksum at its end."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data[:-8]


class FlippedChecksum(Rdb):
    """A bit of an RDB file's checksum is another."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data[:-3] + bytes([data[-3] ^ 8]) + data[-2:]


class SwitchedOffChecksum(Rdb):
    """A bit of a value is another, and the checksum is zeros, which means that there is none."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        at = data.index(b"name 3")
        return data[: at + 5] + b"9" + data[at + 6 : -8] + bytes(8)


class OnlyHeader(Rdb):
    """Nothing but an RDB file's header and its end is there: an empty server's file."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data[:9] + b"\xff" + bytes(8)


class BadTail(Aof):
    """The last command is cut off."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data[:-3]


class LastCommandMissing(Aof):
    """The last commands are missing, neatly."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data[: data.rindex(b"*3\r\n$3\r\nSET")]


class GarbageBehind(Aof):
    """Garbage follows the last command."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data + b"garbage"


class OpenTransaction(Aof):
    """A transaction is begun at its end, and not closed."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data + resp(("MULTI",), ("SET", "a", "b"))


class SwallowingLength(Aof):
    """A length swallows what follows."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data.replace(b"$8\r\nlater:10", b"$9\r\nlater:10", 1)


class ChangedAppended(Aof):
    """A letter of a value that was appended is another."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        at = data.rindex(b"value-00010")
        return data[:at] + b"w" + data[at + 1 :]


class ZerosNearTheEnd(Aof):
    """Two hundred bytes near the end are zeros."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data[:-300] + bytes(200) + data[-100:]


class FlippedPreamble(Aof):
    """A bit of what was written before anything was appended is another."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        at = len(data) // 3
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


class LostPreamble(Aof):
    """Only what was appended is there: what was written before is gone."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data[data.index(b"*3\r\n$3\r\nSET") :]


class AppendedTwice(Aof):
    """What was appended to a list is there twice."""

    def change(self, data: bytes) -> bytes:
        """See Rdb."""
        return data + resp(("SELECT", 0), ("RPUSH", "queue:1", 1))
