"""Where a rehearsal left what its launch is judged by: the ledger's file, nginx's, the platform's, the stand-ins'."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from deployments.rehearsal.call_record import Call
from deployments.rehearsal.fault_judge import Outside, Served
from deployments.rehearsal.pool_protocol import RolloutRecord
from deployments.rehearsal.whole_estate import WholeEstate
from tminus import events as ev

_M = TypeVar("_M", bound=BaseModel)


def launches(ledger: Path) -> dict[str, list[ev.Event]]:
    """Launch → its events, read straight from the ledger's file."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT chain, body FROM event WHERE chain LIKE 'tradesense-%' ORDER BY chain, seq"
        ).fetchall()
    chains: dict[str, list[ev.Event]] = {}
    for chain, body in rows:
        chains.setdefault(chain, []).append(ev.read(body))
    return chains


def outside(estate: WholeEstate) -> Outside:
    """What was written down in this estate by others than tminus."""
    files, trading = estate.documents, estate.trading.address
    return Outside(
        served=_lines(estate.servers.addresses.nginx.access_log, Served),
        rolled_out=[one.time for one in _lines(trading.deployments, RolloutRecord)],
        retired=[one.time for one in _lines(trading.deployments.with_name("retirements.jsonl"), RolloutRecord)],
        calls={"slack": _lines(files.slack_record, Call), "pagerduty": _lines(files.pagerduty_record, Call)},
    )


def _lines(path: Path, kind: type[_M]) -> Sequence[_M]:
    """A file of JSON lines; a line still being written is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    return [kind.model_validate_json(line) for line in lines if line.endswith("\n")]
