"""Restores a base backup into a scratch place: its files, then as much of the WAL as is wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from pydantic import SecretStr

from tasks.backups.asked import Asked
from tasks.backups.base_fetch import FetchedBase, fetch_base
from tasks.backups.base_files import ControlFile, Label, major_version
from tasks.backups.damage import Damaged
from tasks.backups.postgres_cluster import Cluster, cluster, own
from tasks.backups.recovery import Recovered, Target, recovered
from tasks.backups.stored_file import fetch, identity_for
from tasks.backups.take_base import BASE, WAL
from tasks.backups.wal_archive import Fetched, WalArchive
from tasks.backups.wal_kept import after_point
from tasks.backups.wal_pages import examine
from tasks.backups.wal_supply import WalSource, WalSupply
from tasks.giving_up import in_thread
from tminus.backups.book import PostgresBase
from tminus.backups.manifest import RestorePoint
from tminus.backups.wal_names import is_segment, parse_lsn
from tminus.backups.wal_plan import WalPlan, short_of
from tminus.errors import CouldNotObserve, NotConfigured

_SUPERUSER = "postgres"  # where the manifest does not say
_AUTO = "postgresql.auto.conf"


@dataclass(frozen=True)
class Fetching:
    """What was found while the backup's files were fetched.

    Attributes:
        differs: how files are not what the manifest says.
        took: seconds.
    """

    base: FetchedBase
    differs: tuple[str, ...]
    took: float

    def require_ours(self) -> None:
        """Raises Damaged unless the base is whole and what was written: another one is not run in a server of ours."""
        if self.base.broken:
            raise Damaged(self.base.broken)
        if self.base.differs:
            raise Damaged("it is not the base backup that was written, so it is not restored")


@dataclass(frozen=True)
class Unpacked:
    """A base backup's files in a scratch place; nothing has been started.

    Attributes:
        wal: the WAL that the backup brings itself, a folder.
        point: where its contents were counted.
    """

    asked: Asked
    cluster: Cluster
    control: ControlFile
    wal: Path
    point: RestorePoint
    identity: SecretStr | None

    def own_wal(self, name: str, into: Path) -> Fetched | None:
        """The WAL that the backup brings, as a WalSource."""
        path = self.wal / name
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file:
                head = examine(name, file)
        except CouldNotObserve as e:
            raise Damaged(f"{self.asked.manifest.backup}/{WAL}{name}: {e}") from e
        into.hardlink_to(path)
        return Fetched(path.stat().st_size, "", head)

    def archive(self) -> WalArchive:
        """Where the server's WAL goes; raises NotConfigured, MissingSecret. Blocks."""
        store = _base_store(self.asked)
        return WalArchive.open(self.asked.estate.environment, store.bucket, store.wal)

    def archived(self) -> WalSource:
        """The archive, as a WalSource."""
        archive = self.archive()
        return lambda name, into: archive.fetch(name, into, self.identity)

    def plan(self) -> WalPlan:
        """What the archive has after the point. Raises CouldNotObserve. Blocks."""
        return after_point(self.archive(), self.point, self.control.segment, self.identity)

    @asynccontextmanager
    async def to_point(self) -> "AsyncIterator[tuple[Recovered, WalSupply]]":
        """To the point at which its contents were counted, from the backup alone; it waits there."""
        async with self._recovered(Target(point=self.point.name), "wal-to-point", (self.own_wal,)) as found:
            yield found

    @asynccontextmanager
    async def onwards(
        self, way: WalPlan, instant: datetime | None = None
    ) -> "AsyncIterator[tuple[Recovered, WalSupply]]":
        """On through the archive to an instant, else to the end; then it takes writes.

        Raises Damaged where the instant is not reached, with how far the archive goes.
        """
        timeline = "current" if way.timeline == self.point.timeline else str(way.timeline)
        sources = (await asyncio.to_thread(self.archived), self.own_wal)
        async with AsyncExitStack() as stack:
            recovering = self._recovered(Target(instant=instant, timeline=timeline), "wal-onwards", sources)
            try:
                there, supply = await stack.enter_async_context(recovering)
            except Damaged as e:
                if instant is None:
                    raise
                raise Damaged("; ".join([str(e), *self.gaps(way), self._newest(way)])) from e
            if instant is not None:
                self._require(there, way, instant)
            yield there, supply

    def gaps(self, way: WalPlan) -> list[str]:
        """The first segments that the archive lacks."""
        return [f"the WAL segment {one.name(self.control.segment)} is missing" for one in way.missing[:3]]

    def _newest(self, way: WalPlan) -> str:
        last = way.last.name(self.control.segment) if way.last else "none that follows the backup"
        return f"the newest segment in the archive: {last}"

    def _require(self, there: Recovered, way: WalPlan, instant: datetime) -> None:
        """Raises Damaged where what was recovered is not what was live at that instant."""
        commit = there.reached.last_commit or self.asked.manifest.taken_at
        if why := short_of(way, there.reached.position, commit.astimezone(UTC), instant, self.asked.store.rpo):
            raise Damaged(why)

    @asynccontextmanager
    async def _recovered(
        self, target: Target, folder: str, sources: tuple[WalSource, ...]
    ) -> "AsyncIterator[tuple[Recovered, WalSupply]]":
        account = self.cluster.account
        supply = WalSupply(
            self.asked.scratch.folder / folder, sources, self.control.system, self.control.segment, account
        )
        await asyncio.to_thread(supply.open)
        try:
            async with recovered(self.cluster, self.control, target, supply) as found:
                yield found, supply
        except Damaged as e:
            if not supply.damaged:
                raise
            raise Damaged("; ".join([str(e), *supply.damaged.values()])) from e
        finally:
            await asyncio.to_thread(supply.close)


async def fetched(asked: Asked) -> tuple[Fetching, Path, SecretStr | None]:
    """Brings the backup's files into the scratch place; returns the folder of its WAL, and the key that decrypts it.

    Raises CouldNotObserve, NotConfigured, MissingSecret; what is wrong with the base backup itself is in `base.broken`.
    """
    began = perf_counter()
    identity = await asyncio.to_thread(identity_for, asked.estate, asked.manifest)
    data, wal = asked.scratch.folder / "data", asked.scratch.folder / "wal"
    await asyncio.to_thread(data.mkdir, 0o700)
    await asyncio.to_thread(wal.mkdir, 0o700)
    base = await in_thread(fetch_base, asked.bucket, asked.manifest.file(BASE), data, identity, asked.scratch.disk)
    differs = [base.differs] if base.differs else []
    differs += await in_thread(_fetch_wal, asked, wal, identity)
    return Fetching(base, tuple(differs), perf_counter() - began), wal, identity


def _fetch_wal(asked: Asked, folder: Path, identity: SecretStr | None) -> list[str]:
    """Brings the WAL beside the tar; what does not decrypt, or is not what was written, is as if it were not there."""
    differs = []
    for file in asked.manifest.files:
        if file.name == BASE:
            continue
        name = file.name.removeprefix(WAL)
        if not file.name.startswith(WAL) or not is_segment(name):
            raise Damaged(f"{file.name[:80]!r} is no file of a base backup")
        try:
            came = fetch(asked.bucket, file, folder / name, identity)
        except Damaged as e:
            (folder / name).unlink(missing_ok=True)
            differs.append(str(e))
            continue
        if came.differs:
            (folder / name).unlink()
            differs.append(came.differs)
    return differs


async def unpacked(asked: Asked, wal: Path, identity: SecretStr | None) -> Unpacked:
    """What was fetched, looked at before anything is started: whose it is, and where it begins.

    Raises Damaged where it is another system's, or of another moment, than its manifest says.
    """
    data, manifest = asked.scratch.folder / "data", asked.manifest
    if manifest.restore_point is None:
        raise CouldNotObserve(f"the manifest of {manifest.backup} names no point to restore to")
    planned = await asyncio.to_thread(_cluster, asked, data)
    control = await asyncio.to_thread(ControlFile.read, planned.programs, data)
    if control.system != manifest.origin.identity:
        raise Damaged(f"it is of another system, {control.system}, than its manifest says: {manifest.origin.identity}")
    label = await asyncio.to_thread(Label.read, data)
    if manifest.origin.wal_from is not None and label.start != parse_lsn(manifest.origin.wal_from):
        raise Damaged("it is another base backup than that of its manifest: its WAL begins elsewhere")
    return Unpacked(asked, planned, control, wal, manifest.restore_point, identity)


def make_ready(found: Unpacked) -> None:
    """Takes the original's own ways out of it: settings made by ALTER SYSTEM, signals. Blocks; raises CouldNotObserve.

    What stands in its postgresql.conf and pg_hba.conf is never read.
    """
    data = found.cluster.data
    try:
        for name in ("standby.signal", "recovery.signal", "postmaster.pid", "postmaster.opts"):
            (data / name).unlink(missing_ok=True)
        (data / _AUTO).write_text("", "utf-8")
        own(found.cluster, data, *data.rglob("*"))
    except OSError as e:
        raise CouldNotObserve(f"the restored files in {data} cannot be made ready: {e.strerror}") from e


@dataclass(frozen=True)
class Restored:
    """A base backup brought to an instant: the server runs, and takes writes.

    Attributes:
        found: the server, and where in the WAL it got.
        details: what is worth knowing of the archive; nothing on the way there was missing.
    """

    found: Recovered
    details: tuple[str, ...]


@asynccontextmanager
async def restore_to(asked: Asked, instant: datetime | None) -> AsyncIterator[Restored]:
    """Restores to an instant, what committed at that very instant included; to the end of the WAL where it is None.

    Within the block the server runs, on a socket in the scratch place. Raises Damaged where that instant is not
    reached: the WAL ends before it, or a segment on the way is missing, which is named; CouldNotObserve, NotConfigured.
    """
    if instant is not None and instant < asked.manifest.taken_at:
        raise CouldNotObserve(
            f"{asked.manifest.backup} is of {asked.manifest.taken_at:%Y-%m-%d %H:%M:%S %Z}, which is later than the "
            f"instant that is asked for; choose an earlier one"
        )
    fetching, wal, identity = await fetched(asked)
    fetching.require_ours()
    ready = await unpacked(asked, wal, identity)
    await asyncio.to_thread(make_ready, ready)
    way = await asyncio.to_thread(ready.plan)
    async with ready.onwards(way, instant) as (found, supply):
        yield Restored(found, (*ready.gaps(way), *supply.damaged.values()))


def _cluster(asked: Asked, data: Path) -> Cluster:
    store = _base_store(asked)
    section = asked.estate.environment.postgres.get(store.database)
    if section is None:
        raise NotConfigured(f"postgres names no {store.database!r}; add it to the environment file")
    planned = cluster(asked.scratch, section, major_version(data))
    return replace(planned, superuser=asked.manifest.origin.superuser or _SUPERUSER)


def _base_store(asked: Asked) -> PostgresBase:
    if not isinstance(asked.store, PostgresBase):
        raise CouldNotObserve(f"{asked.name} is no postgres.base")
    return asked.store
