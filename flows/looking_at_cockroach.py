"""One backup of a CockroachDB looked at: its scratch database is recorded before it is made, and always dropped."""

import asyncio
import logging
from dataclasses import dataclass, field
from time import perf_counter

from flows.looking_at_backup import Setting
from flows.restoring import Gone, Write, patience, plan_scratch
from tasks.backups.cockroach_scratch import section
from tasks.backups.verify_cockroach import (
    CockroachAsked,
    CockroachSeen,
    drop_scratch,
    verify_cockroach,
)
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.book import CockroachBackup
from tminus.backups.cockroach_proof import unless_proven
from tminus.backups.contents import Marker
from tminus.backups.judging import Gathered, judged
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.outcome import Outcome

log = logging.getLogger(__name__)


@dataclass
class CockroachLook:
    """The newest backup of a store that the cluster backs up by itself.

    Attributes:
        backup: its path in the collection, once it was found.
        digest: of a manifest, which it has not.
        marker: the newest mark in the restored data.
        stages: seconds by stage.
    """

    name: str
    store: CockroachBackup
    backup: str = ""
    digest: str = ""
    newest: bool = True
    marker: Marker | None = None
    stages: dict[str, float] = field(default_factory=dict)

    async def outcome(self, setting: Setting) -> Outcome:
        """How it comes out; raises LedgerError."""
        gathered, seen = Gathered(), CockroachSeen()
        began = perf_counter()
        try:
            await self._look(setting, seen)
        except (CouldNotObserve, NotConfigured, MissingSecret) as e:
            gathered.reason = str(e)
        self.stages["restore"] = round(perf_counter() - began, 3)
        self.backup, self.marker = seen.path.lstrip("/"), seen.marker
        came = seen.looked.seen()
        gathered.add(came.found, came.details, came.because)
        where = f"cockroach {self.store.cluster}"
        named = setting.opened.environment.cockroach.get(self.store.cluster)
        found = judged(self.store.kind, self.store, gathered, where, newest=True)
        return unless_proven(found, seen.version, named.proven_on if named else ())

    async def _look(self, setting: Setting, seen: CockroachSeen) -> None:
        live = section(setting.opened.environment, self.store.cluster)
        planned = plan_scratch(setting.scratch, setting.verification, self.name).model_copy(
            update={"folder": "", "cluster": live.scratch}
        )
        within = patience(self.store).total_seconds()
        asked = CockroachAsked(
            estate=setting.estate,
            store=self.store,
            planned=planned,
            chain=setting.opened.chain,
            needed_at=now(),
            within=within,
            together=setting.comparison.of(self.name),
        )
        await setting.write(planned)
        try:
            async with asyncio.timeout(within):
                await verify_cockroach(asked, seen)
        except TimeoutError as e:
            raise CouldNotObserve(f"no end within {within:.0f} s") from e
        finally:
            chain, write = setting.opened.chain, setting.write
            if left := await throw_away_database(setting.estate, planned, chain, write, "destroyed"):
                seen.looked.details.append(f"its scratch database is left for a later try: {left}")


async def throw_away_database(estate: Estate, planned: ev.ScratchPlanned, chain: str, write: Write, how: Gone) -> str:
    """Drops a scratch database and writes that down; what stands in the way is returned, and left for a later try."""
    try:
        dropped = await drop_scratch(estate, planned, chain)
    except (CouldNotObserve, NotConfigured, MissingSecret, TimeoutError) as e:
        log.warning("the scratch database of %s is left for a later try: %s", planned.scratch, e)
        return str(e)
    await write(ev.ScratchGone(scratch=planned.scratch, how=how if dropped else "never made"))
    return ""
