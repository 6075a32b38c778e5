"""What the fake of a CockroachDB is made of: plain state, which whoever serves it may change at any time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deployments.rehearsal.vendors.cockroach_restores import RestoreState
from deployments.rehearsal.vendors.cockroach_roles import RoleState

BUILD = "v24.3.4"
COLLECTION = "external://backups"
_KEY = "aws-kms:///alias/vatic?REGION=eu-central-1&AUTH=implicit"
_ZONE = """ALTER {target} CONFIGURE ZONE USING
\trange_min_bytes = 134217728,
\trange_max_bytes = 536870912,
\tgc.ttlseconds = 14400,
\tnum_replicas = {replicas},
\tconstraints = '[]',
\tlease_preferences = '[]'"""

Row = dict[str, object]


@dataclass
class Node:
    """A node; one that is not live is still a member until it is `decommissioned`."""

    node_id: int
    locality: str
    is_live: bool = True
    membership: str = "active"
    build_tag: str = BUILD
    unavailable: int = 0
    underreplicated: int = 0


@dataclass
class Schedule:
    """A backup schedule; a paused one has no next run."""

    schedule_id: int
    recurrence: str
    command: str
    label: str = "vatic"
    paused: bool = False


@dataclass
class Job:
    """A backup that a schedule began."""

    job_id: int
    schedule_id: int
    status: str
    created: datetime


def now() -> datetime:
    """The fake's clock."""
    return datetime.now(UTC).replace(microsecond=0)


def _nodes() -> list[Node]:
    return [Node(number, f"region=eu-central-1,zone=eu-central-1{zone}") for number, zone in enumerate("abc", start=1)]


def _schedules() -> list[Schedule]:
    options = f"WITH OPTIONS (revision_history = true, kms = '{_KEY}', detached)"
    return [
        Schedule(889_001, "@hourly", f"BACKUP INTO LATEST IN '{COLLECTION}' {options}"),
        Schedule(889_002, "0 2 * * *", f"BACKUP INTO '{COLLECTION}' {options}"),
    ]


def _jobs() -> list[Job]:
    hourly = [Job(700 + hours, 889_001, "succeeded", now() - timedelta(hours=hours, minutes=20)) for hours in range(30)]
    daily = [Job(800 + days, 889_002, "succeeded", now() - timedelta(days=days, hours=9)) for days in range(7)]
    return [*hourly, *daily]


def _collections() -> dict[str, list[datetime]]:
    return {COLLECTION: [now() - timedelta(days=days, hours=9) for days in range(31)]}


@dataclass
class ClusterState:
    """A cluster of three nodes in three zones, backed up every hour, and wholly once a day for a month.

    Attributes:
        collections: where backups lie → when the full ones in it were taken.
        settings: `SHOW CLUSTER SETTING name`.
        variables: `SHOW name`, as a session begins.
        queries: text of a statement → the one value it gives, or its rows; see `CockroachFake.gives`.
        restricted: whether crdb_internal may only be read where a session allows it itself, as since version 25.4.
        restores: what backups hold, and what was restored of them.
        roles: who may log in, and what they have.
    """

    nodes: list[Node] = field(default_factory=_nodes)
    replicas: dict[str, int] = field(default_factory=lambda: {"RANGE default": 3, "DATABASE system": 5})
    schedules: list[Schedule] = field(default_factory=_schedules)
    jobs: list[Job] = field(default_factory=_jobs)
    collections: dict[str, list[datetime]] = field(default_factory=_collections)
    settings: dict[str, str] = field(
        default_factory=lambda: {
            "version": "24.3",
            "cluster.organization": "Vatic",
            "server.user_login.store_client_pre_hashed_passwords.enabled": "true",
        }
    )
    variables: dict[str, str] = field(
        default_factory=lambda: {"statement_timeout": "30000", "transaction_isolation": "serializable"}
    )
    queries: dict[str, object] = field(default_factory=dict)
    restricted: bool = True
    restores: RestoreState = field(default_factory=RestoreState)
    roles: RoleState = field(default_factory=RoleState)

    def gossip_nodes(self) -> list[Row]:
        """One row a node that gossip still knows."""
        return [
            {
                "node_id": node.node_id,
                "network": "tcp",
                "address": f"cockroach-{node.node_id}:26257",
                "sql_network": "tcp",
                "sql_address": f"cockroach-{node.node_id}:26257",
                "attrs": [],
                "locality": node.locality,
                "cluster_name": "vatic",
                "server_version": "24.3",
                "build_tag": node.build_tag,
                "started_at": (now() - timedelta(days=9)).replace(tzinfo=None),
                "is_live": node.is_live,
                "ranges": 84,
                "leases": 28,
            }
            for node in self.nodes
            if node.membership != "decommissioned"
        ]

    def gossip_liveness(self) -> list[Row]:
        """One row a node that ever was a member."""
        return [
            {
                "node_id": node.node_id,
                "epoch": 1,
                "expiration": f"{(now() + timedelta(seconds=6 if node.is_live else -600)).timestamp():.9f},0",
                "draining": False,
                "decommissioning": node.membership != "active",
                "membership": node.membership,
                "updated_at": now().replace(tzinfo=None),
            }
            for node in self.nodes
        ]

    def store_status(self) -> list[Row]:
        """One store a node; what a dead node said last stays."""
        return [
            {
                "node_id": node.node_id,
                "store_id": node.node_id,
                "range_count": 84,
                "lease_count": 28,
                "metrics": {
                    "ranges.unavailable": node.unavailable,
                    "ranges.underreplicated": node.underreplicated,
                    "replicas": 84,
                },
            }
            for node in self.nodes
            if node.membership != "decommissioned"
        ]

    def zones(self) -> list[Row]:
        """What was configured, as the statement that configures it."""
        return [
            {"target": target, "raw_config_sql": _ZONE.format(target=target, replicas=count)}
            for target, count in self.replicas.items()
        ]

    def schedule_rows(self) -> list[Row]:
        """One row a backup schedule."""
        return [
            {
                "id": one.schedule_id,
                "label": one.label,
                "schedule_status": "PAUSED" if one.paused else "ACTIVE",
                "next_run": None if one.paused else now() + timedelta(minutes=40),
                "recurrence": one.recurrence,
                "jobsrunning": 0,
                "owner": "root",
                "created": now() - timedelta(days=60),
                "command": one.command,
            }
            for one in self.schedules
        ]

    def job_rows(self, schedule: int) -> list[Row]:
        """One row a job that this schedule began."""
        return [
            {
                "job_id": job.job_id,
                "job_type": "BACKUP",
                "user_name": "root",
                "status": job.status,
                "created": job.created,
                "started": job.created,
                "finished": None if job.status == "running" else job.created + timedelta(minutes=4),
                "fraction_completed": 1.0 if job.status == "succeeded" else 0.5,
                "coordinator_id": 0,
            }
            for job in self.jobs
            if job.schedule_id == schedule
        ]

    def backup_rows(self, collection: str) -> list[Row] | None:
        """The paths of the full backups in a collection, oldest first; None where there is no such place."""
        taken = self.collections.get(collection)
        return None if taken is None else [{"path": f"{one:/%Y/%m/%d-%H%M%S}.00"} for one in sorted(taken)]
