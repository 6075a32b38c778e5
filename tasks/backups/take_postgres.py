"""Takes a logical backup of a PostgreSQL database."""

from typing import ClassVar

from tasks.backups.asked import TakeAsked, Taker
from tasks.backups.postgres_dump import FILE, Target, dump_into
from tminus.backups.book import PostgresDump
from tminus.backups.manifest import BackupKind, BackupManifest
from tminus.clock import now
from tminus.errors import CouldNotObserve


class DumpTaker(Taker):
    """pg_dump, streamed and encrypted on its way; no part of it lies on this machine's disk."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("postgres.dump",)

    async def take(self, asked: TakeAsked) -> BackupManifest:
        """See Taker."""
        if not isinstance(asked.store, PostgresDump):
            raise CouldNotObserve(f"{asked.name} is no postgres.dump")
        target = Target(asked.bucket, asked.key(FILE), asked.recipients)
        dumped = await dump_into(target, asked.estate, asked.store.database)
        return BackupManifest(
            backup=asked.backup,
            system=asked.system,
            store=asked.name,
            kind="postgres.dump",
            taken_at=dumped.taken_at,
            finished_at=now(),
            origin=dumped.origin,
            encrypted_to=asked.recipients,
            files=(dumped.file,),
            marker=dumped.marker,
            restore_point=dumped.restore_point,
            contents=dumped.contents,
        )
