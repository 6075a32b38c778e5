"""One good backup laid out anew, to be damaged: its objects, its manifest, and what the ledger is to say of it."""

import hashlib
from contextlib import closing
from datetime import timedelta
from functools import cached_property

from bench.backups_gauntlet.live import NAME, Live, Taken, look
from bench.backups_gauntlet.place import Place, sha256
from tasks.backups.asked import manifest_key
from tminus import events as ev
from tminus.backups.manifest import BackupManifest, RestorePoint, StoredFile
from tminus.backups.opened import OpenedBackups
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry


class Trial:
    """A copy of a good backup below a prefix of its own.

    Args:
        live: of whose store it is.
        good: the backup.
        older: one that was taken before it, of the same store.

    Attributes:
        manifest: as it will lie in the bucket; its contents are what was counted from the live store.
        text: the manifest's bytes; those of `manifest` where it is None.
        recorded: what the ledger will say, the earliest first; the last is this backup's.
        without_manifest: whether it has none.
        wrong_key: whether the environment has another private key.
    """

    def __init__(self, live: Live, good: Taken, older: Taken) -> None:
        self.live = live
        self.good = good
        self.older = older
        self.prefix = f"trial-{next(self.place.numbers)}"
        self._pending: dict[str, bytes] = {}
        etags = {key: self._lay_out(key) for key in self.place.keys(good.prefix)}
        files = [
            one.model_copy(update={"key": self._moved(one.key), "etag": etags[one.key]}) for one in good.manifest.files
        ]
        self.manifest = good.manifest.model_copy(update={"files": tuple(files)})
        self._laid_out = self.manifest.files
        self.text: bytes | None = None
        self.without_manifest = False
        self.wrong_key = False
        self.recorded: list[ev.BackupTaken] = [self._event(self.manifest)]

    @property
    def place(self) -> Place:
        """Where all this is."""
        return self.live.place

    @property
    def kind(self) -> str:
        """Of the store."""
        return self.live.kind

    def _lay_out(self, key: str) -> str:
        """Copies an object of the good backup; one that came in parts only once it is known that it stays as it is.

        Returns its ETag: of what is put in one part, that is its MD5.
        """
        whole = self.place.in_parts(key)
        if whole is None:
            return self.place.copy(key, self._moved(key))
        self._pending[self._moved(key)] = whole
        return f'"{hashlib.md5(whole, usedforsecurity=False).hexdigest()}"'

    def _moved(self, key: str) -> str:
        return f"{self.prefix}{key.removeprefix(self.good.prefix)}"

    def _event(self, manifest: BackupManifest) -> ev.BackupTaken:
        """What the ledger says of a backup with this manifest."""
        own = f"{self.prefix}/{NAME}/{manifest.backup}/"
        return self.good.event.model_copy(
            update={
                "backup": manifest.backup,
                "manifest_digest": digest(manifest.text()),
                "size": sum(one.size for one in manifest.files if one.key.startswith(own)),
                "taken_at": manifest.taken_at,
            }
        )

    def file(self, name: str = "") -> StoredFile:
        """A file of the backup; the last one where no name is given."""
        return self.manifest.file(name) if name else self.manifest.files[-1]

    def stored(self, name: str = "") -> bytes:
        """A file's bytes as they lie in the bucket."""
        key = self.file(name).key
        return self._pending[key] if key in self._pending else self.place.get(key)

    def plain(self, name: str = "") -> bytes:
        """A file's bytes, decrypted."""
        return self.place.unseal(self.stored(name))

    def put_file(self, plain: bytes, name: str = "", *, consistent: bool, stored: bytes | None = None) -> None:
        """Puts another content where a file lies; where it is to be consistent the manifest says so.

        `stored` are the bytes that are put there, where they are not `plain` encrypted.
        """
        file = self.file(name)
        body = self.place.seal(plain) if stored is None else stored
        self._pending.pop(file.key, None)
        etag = self.place.put(file.key, body)
        if consistent:
            hashes = {"size": len(body), "sha256": sha256(body), "plain_sha256": sha256(plain), "etag": etag}
            self._replace(file, file.model_copy(update=hashes))

    def lose_file(self, name: str = "", *, consistent: bool) -> None:
        """Removes a file; where it is to be consistent the manifest does not name it any more."""
        file = self.file(name)
        self._pending.pop(file.key, None)
        self.place.remove(file.key)
        if consistent:
            self._replace(file)

    def _replace(self, file: StoredFile, *by: StoredFile) -> None:
        files = [one for old in self.manifest.files for one in (by if old.name == file.name else (old,))]
        self.manifest = self.manifest.model_copy(update={"files": tuple(files)})

    def trust(self) -> None:
        """Has the ledger record the manifest as it is now."""
        self.recorded[-1] = self._event(self.manifest)

    def trust_files(self) -> None:
        """The same, where the files that it names are others than those that were laid out."""
        if self.recorded and self.manifest.files != self._laid_out:
            self.trust()

    def earlier(
        self,
        days: float,
        *,
        size: int = 0,
        there: bool = True,
        recorded: bool = True,
        point: RestorePoint | None = None,
    ) -> str:
        """A backup of so many days before, of which only what a catalogue sees is there; returns its name.

        `point` is where a base backup was counted, where that is another than that of this one.
        """
        at = self.manifest.taken_at - timedelta(days=days)
        name = f"{NAME}-{at:%Y%m%dT%H%M%SZ}"
        body = b"x" * (size or self.recorded[-1].size)
        own = StoredFile(
            name="file",
            key=f"{self.prefix}/{NAME}/{name}/file",
            size=len(body),
            sha256=sha256(body),
            plain_sha256=sha256(body),
            etag="",
        )
        manifest = self.manifest.model_copy(update={"backup": name, "taken_at": at, "files": (own,)})
        manifest = manifest.model_copy(update={"restore_point": point or manifest.restore_point})
        if there:
            self.place.put(own.key, body)
            self.place.put(manifest_key(self.prefix, NAME, name), manifest.text())
        if recorded:
            self.recorded.insert(0, self._event(manifest))
        return name

    @cached_property
    def manifest_key(self) -> str:
        """Where the manifest lies."""
        return manifest_key(self.prefix, NAME, self.good.manifest.backup)

    def settle(self) -> None:
        """Writes what is not there yet, and the manifest."""
        for key, body in self._pending.items():
            self.place.put(key, body)
        self._pending.clear()
        if self.without_manifest:
            self.place.remove(self.manifest_key)
        else:
            self.place.put(self.manifest_key, self.manifest.text() if self.text is None else self.text)

    def verified(self) -> ev.BackupVerified:
        """Lets tminus look at it, with a ledger that says what was `recorded`."""
        opened = self.live.opened(self.prefix, wrong_key=self.wrong_key)
        record(opened, self.recorded)
        return look(opened)

    def end(self) -> None:
        """Removes it."""
        self.place.empty(self.prefix)


def record(opened: OpenedBackups, events: list[ev.BackupTaken]) -> None:
    """Writes what was taken into a new ledger."""
    with closing(opened.store()) as store:
        have_chain(store, opened.chain)
        for event in sorted(events, key=lambda one: one.taken_at):
            store.append(Entry(opened.chain, ev.write(event)))


def digest(text: bytes) -> str:
    """A manifest's, as the ledger has it."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
