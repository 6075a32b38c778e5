"""The nodes of a CockroachDB cluster, and how its ranges are replicated."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from tasks.cockroach_rows import rows_of, see_internals
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    from tasks.cockroach_rows import Connection

_REPLICAS = re.compile(r"\bnum_replicas\s*=\s*(\d+)")


class _Liveness(BaseModel, frozen=True):
    node_id: int
    membership: str


class _Gossiped(BaseModel, frozen=True):
    node_id: int
    build_tag: str
    locality: str
    is_live: bool


class _Store(BaseModel, frozen=True):
    """Ranges as a store counts them; the metrics are decimals in a document."""

    node_id: int
    unavailable: Decimal = Field(ge=0, lt=10**12)
    under_replicated: Decimal = Field(ge=0, lt=10**12)


class _Zone(BaseModel, frozen=True):
    target: str
    raw_config_sql: str | None


class Node(BaseModel, frozen=True):
    """A member of the cluster; what gossip does not know is not live, and has neither build nor locality."""

    number: int
    live: bool
    build: str = ""
    locality: str = ""

    def line(self) -> str:
        """For the evidence."""
        return f"node {self.number}: {'live' if self.live else 'not live'}, {self.build[:40]}, {self.locality[:80]}"


class Ranges(BaseModel, frozen=True):
    """How ranges are replicated.

    Attributes:
        zones: target of a zone's configuration → the replicas that it asks for, where it says so itself.
        unavailable: ranges without a quorum, by the stores of live nodes.
        under_replicated: ranges with fewer replicas than asked for.
        wanting: the nodes whose stores count any of these.
    """

    zones: dict[str, int]
    unavailable: int
    under_replicated: int
    wanting: tuple[int, ...]


async def nodes(connection: "Connection") -> list[Node]:
    """Every node that was not decommissioned; raises CouldNotObserve."""
    await see_internals(connection)
    members = await rows_of(connection, _Liveness, "SELECT node_id, membership FROM crdb_internal.gossip_liveness")
    gossiped = await rows_of(
        connection, _Gossiped, "SELECT node_id, build_tag, locality, is_live FROM crdb_internal.gossip_nodes"
    )
    known = {one.node_id: one for one in gossiped}
    found = [_node(one.node_id, known.get(one.node_id)) for one in members if one.membership != "decommissioned"]
    if not found:
        raise CouldNotObserve("gossip names no member of the cluster")
    return sorted(found, key=lambda node: node.number)


async def ranges(connection: "Connection", live: Sequence[Node]) -> Ranges:
    """The ranges, as the stores of these live nodes count them; raises CouldNotObserve."""
    await see_internals(connection)
    zones = await rows_of(connection, _Zone, "SELECT target, raw_config_sql FROM [SHOW ALL ZONE CONFIGURATIONS]")
    stores = await rows_of(
        connection,
        _Store,
        "SELECT node_id, metrics->>'ranges.unavailable' AS unavailable, "
        "metrics->>'ranges.underreplicated' AS under_replicated FROM crdb_internal.kv_store_status",
    )
    counted = [store for store in stores if store.node_id in {node.number for node in live}]
    if missing := {node.number for node in live} - {store.node_id for store in counted}:
        raise CouldNotObserve(f"no store tells about its ranges on node {', '.join(map(str, sorted(missing)))}")
    asked = {zone.target: _replicas(zone) for zone in zones}
    return Ranges(
        zones={target: replicas for target, replicas in asked.items() if replicas is not None},
        unavailable=int(sum(store.unavailable for store in counted)),
        under_replicated=int(sum(store.under_replicated for store in counted)),
        wanting=tuple(sorted({store.node_id for store in counted if store.unavailable or store.under_replicated})),
    )


def _node(number: int, gossiped: _Gossiped | None) -> Node:
    if gossiped is None:
        return Node(number=number, live=False)
    return Node(number=number, live=gossiped.is_live, build=gossiped.build_tag, locality=gossiped.locality)


def _replicas(zone: _Zone) -> int | None:
    """How many replicas a zone asks for itself; None where it inherits them."""
    match = _REPLICAS.search(zone.raw_config_sql or "")
    return int(match.group(1)) if match else None
