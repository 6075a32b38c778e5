"""The list of a trial's backup of objects, and the contents that it names, to be damaged."""

import json

from bench.backups_gauntlet.place import sha256
from bench.backups_gauntlet.trial import Trial


class Contents:
    """The list of a trial's backup, and the contents that it names."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.lines = [json.loads(line) for line in trial.plain().splitlines()]

    def line(self, key: str) -> dict[str, object]:
        """What the list says of an object."""
        return next(one for one in self.lines if one["key"] == key)

    def key(self, line: dict[str, object]) -> str:
        """Where its content lies in the bucket."""
        return f"{self._trial.prefix}/store.objects/{line['stored']}"

    def plain(self, line: dict[str, object]) -> bytes:
        """Its content, decrypted."""
        return self._trial.place.unseal(self._trial.place.get(self.key(line)))

    def put(self, line: dict[str, object], plain: bytes, *, consistent: bool) -> None:
        """Another content; where it is consistent it lies under its own hash, and the line names that."""
        if consistent:
            digest = sha256(plain)
            first = str(line["stored"]).partition("/")[0]
            line |= {"sha256": digest, "size": len(plain), "stored": f"{first}/{digest[:2]}/{digest}"}
        self._trial.place.put(self.key(line), self._trial.place.seal(plain))

    def relist(self, *, consistent: bool) -> None:
        """Writes the list."""
        self._trial.put_file(_list(self.lines), consistent=consistent)


def _list(lines: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for one in lines)
