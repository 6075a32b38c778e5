"""Good backups made bad: files in a base backup's tar, with and without its own manifest made to agree."""

import hashlib
import json
import shutil
import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg
from pydantic import SecretStr

from tasks.backup_store import BackupStore
from tasks.backups.base_fetch import fetch_base
from tasks.backups.stored_file import upload
from tests.tasks.backups.base.world import DISK, STORE, World
from tminus.backups.book import PostgresBase
from tminus.backups.manifest import BackupManifest, StoredFile

PAGE = 8192
_LANES = 32
_PRIME = 16777619
_OFFSETS = (
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
)  # fmt: skip


def checksum(page: bytes, block: int) -> int:
    """A page's checksum: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/storage/checksum_impl.h."""
    words = list(struct.unpack("<2048I", page))
    words[2] &= 0xFFFF0000  # its own field counts as zero
    sums = list(_OFFSETS)

    def mix(lane: int, value: int) -> None:
        mixed = sums[lane] ^ value
        sums[lane] = ((mixed * _PRIME) & 0xFFFFFFFF) ^ (mixed >> 17)

    for at in range(0, len(words), _LANES):
        for lane in range(_LANES):
            mix(lane, words[at + lane])
    for _ in range(2):
        for lane in range(_LANES):
            mix(lane, 0)
    total = block
    for one in sums:
        total ^= one
    return total % 65535 + 1


@dataclass
class Copy:
    """The good backup's files, unpacked, to be damaged."""

    folder: Path
    world: World
    changed: set[str] = field(default_factory=set)

    def path(self, relation: str) -> Path:
        """The first file of a relation."""
        with psycopg.connect(self.world.dsn, autocommit=True) as connection:
            [name] = connection.execute("SELECT pg_relation_filepath(%s::regclass)", (relation,)).fetchone() or [""]
        return self.folder / str(name)

    def toast(self, table: str) -> str:
        """A table's TOAST table."""
        with psycopg.connect(self.world.dsn, autocommit=True) as connection:
            asked = "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = %s::regclass"
            [name] = connection.execute(asked, (table,)).fetchone() or [""]
        return str(name)

    def page(self, path: Path, block: int, change: Callable[[bytearray], None], *, valid: bool = False) -> None:
        """Changes one page in place; with a checksum that fits where it is to be `valid`."""
        content = bytearray(path.read_bytes())
        page = content[block * PAGE : (block + 1) * PAGE]
        assert len(page) == PAGE
        before = bytes(page)
        change(page)
        assert bytes(page) != before
        if valid:
            struct.pack_into("<H", page, 8, checksum(bytes(page), block))
        content[block * PAGE : (block + 1) * PAGE] = page
        path.write_bytes(bytes(content))

    def make_consistent(self) -> None:
        """Makes the backup's own manifest agree with the files as they are."""
        path = self.folder / "backup_manifest"
        manifest = json.loads(path.read_text())
        kept = []
        for one in manifest["Files"]:
            file = self.folder / one["Path"]
            if file.exists():
                content = file.read_bytes()
                one["Size"], one["Checksum"] = len(content), hashlib.sha256(content).hexdigest()
                kept.append(one)
        manifest["Files"] = kept
        del manifest["Manifest-Checksum"]
        body = json.dumps(manifest, indent=0)[:-2] + ",\n"
        path.write_text(f'{body}"Manifest-Checksum": "{hashlib.sha256(body.encode()).hexdigest()}"}}\n')

    def tar(self) -> Path:
        """All of it, as pg_basebackup would send it."""
        into = self.folder.with_suffix(".tar")
        with tarfile.open(into, "w") as tar:
            for path in sorted(self.folder.rglob("*"), key=lambda one: (one.name == "backup_manifest", one)):
                tar.add(path, str(path.relative_to(self.folder)), recursive=False)
        return into


@dataclass
class Good:
    """A good backup, its WAL, and the moment for which it is needed."""

    world: World
    manifest: BackupManifest
    needed_at: datetime
    wal: tuple[str, ...]
    copies: int = 0

    def bucket(self) -> BackupStore:
        """Where it lies."""
        return BackupStore.open(self.world.estate(), "backups")

    def store(self, **changed: object) -> PostgresBase:
        """The book's entry, with something else in it."""
        return STORE.model_copy(update=changed)

    def copy(self) -> Copy:
        """Its files, unpacked once more."""
        plain = self.world.estates.folder / "plain"
        if not plain.exists():
            plain.mkdir()
            key = SecretStr(str(self.world.identity))
            fetch_base(self.bucket(), self.manifest.file("base.tar"), plain, key, DISK)
        self.copies += 1
        folder = self.world.estates.folder / f"copy-{self.copies}"
        shutil.copytree(plain, folder)
        return Copy(folder, self.world)

    def with_base(self, tar: Path, **changed: object) -> BackupManifest:
        """Its manifest with another tar, whose hashes agree."""
        name = f"{self.manifest.backup}-{self.copies}"
        with tar.open("rb") as file:
            base = upload(
                self.bucket(), f"{name}/base.tar", file, self.manifest.encrypted_to, name="base.tar", expected=0
            )
        return self.with_files(base, **changed)

    def with_files(self, *files: StoredFile, **changed: object) -> BackupManifest:
        """Its manifest with other files in the place of those of the same name."""
        named = {one.name: one for one in files}
        kept = tuple(named.get(one.name, one) for one in self.manifest.files)
        return self.manifest.model_copy(update={"files": kept, **changed})
