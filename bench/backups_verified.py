"""One verification as the flow does it, less the ledger; it counts only if it did its work."""

from time import perf_counter

from bench.backups_data import recorded
from bench.readiness_done import NotDone
from flows.restoring import restored
from tasks.backups.asked import Asked, Seen
from tasks.backups.verify_postgres_dump import DumpVerifier
from tminus.backups.aspects import expected
from tminus.backups.contents import PostgresContents

_BEFORE = {"age", "missing", "overdue", "shrunk", "manifest"}  # which is judged without a restore


async def verified(asked: Asked, jobs: int) -> tuple[float, Seen]:
    """Seconds until its scratch is gone again, and what was seen; raises NotDone where it left something out."""

    async def write(*_: object) -> None:
        """There is no ledger here."""

    verifier = DumpVerifier()
    verifier.jobs = jobs
    began = perf_counter()
    seen = await restored(verifier, asked, recorded(asked), "bench", write)
    took = perf_counter() - began
    require_done(asked, seen)
    return took, seen


def require_done(asked: Asked, seen: Seen) -> None:
    """Every aspect was measured and is as it should be, of as many tables and rows as the live database had."""
    wanted = {name: one for name, one in expected("postgres.dump", asked.store).items() if name not in _BEFORE}
    found = {one.name: one for one in seen.found}
    if missing := wanted.keys() - found.keys():
        raise NotDone(f"not measured: {', '.join(sorted(missing))}")
    if wrong := [str(found[name]) for name, one in wanted.items() if not one.holds(found[name])]:
        raise NotDone(f"not as it should be: {', '.join(wrong)}: {'; '.join(seen.details)[:500]}")
    contents = asked.manifest.contents
    assert isinstance(contents, PostgresContents)
    rows = sum(one.rows for one in contents.tables.values())
    if not any(line.startswith(f"{len(contents.tables)} tables with {rows} rows") for line in seen.details):
        raise NotDone(f"it does not say that it looked at all of {rows} rows: {'; '.join(seen.details)[:500]}")
