"""What breaks the lines of Vatic's chapter on disaster recovery."""

from collections.abc import Mapping

from bench.proofs.file_faults import finished, page, value
from bench.proofs.proof import Fault
from bench.worlds.cockroach import CockroachWorld
from bench.worlds.world import World

REGIONS = "SELECT count(*) FROM crdb_internal.regions"
TOPICS = ("orders", "trades", "market-data", "notifications")
_OFTEN = "889001"  # the schedule of CockroachDB that adds to a backup
_RESTORE, _FAILOVER, _DRILL = "evidence/restore.json", "evidence/failover.json", "evidence/drill.json"
_PARTS = ("database", "redis", "kafka")
_PLAN = ("Database", "Redis", "Kafka", "Cluster", "Region")
_INCIDENT = ("Detection", "Triage", "Mitigation", "Recovery", "Contacts")


def prepare(worlds: Mapping[str, World]) -> None:
    """The cluster stands in two regions, and is backed up twice an hour."""
    cockroach = worlds["cockroach"]
    assert isinstance(cockroach, CockroachWorld)
    cockroach.fake.gives(REGIONS, 2)
    for one in cockroach.fake.state.schedules:
        one.recurrence = "*/30 * * * *" if str(one.schedule_id) == _OFTEN else one.recurrence


BROKEN: Mapping[str, tuple[Fault, ...]] = {
    "vatic/4-disaster-recovery/backups/1": (
        ("redis", "configured", "appendonly", "no", "save", "7200 1"),
        ("redis", "configured", "appendonly", "no", "save", "3601 1"),
        ("redis", "configured", "appendonly", "no", "save", ""),
        ("redis", "snapshot_fails"),
    ),
    "vatic/4-disaster-recovery/backups/2": (
        ("cockroach", "schedule_recurs", _OFTEN, "0 */12 * * *"),
        ("cockroach", "scratch_besides", "paused"),
        ("cockroach", "scratch_besides", "stale"),
        ("cockroach", "scratch_besides", "gone"),
        ("cockroach", "backed_up_only", "DATABASE staging"),
        ("cockroach", "schedule_paused", _OFTEN),
        ("cockroach", "backups_stale"),
        ("cockroach", "backup_failed"),
        ("aws-storage", "one_missing", "cockroach/"),
        ("aws-storage", "stopped", "cockroach/", "7.1"),
        ("aws-storage", "nothing_stored"),
    ),
    "vatic/4-disaster-recovery/backups/3": (
        ("aws-storage", "expires_after", "29"),
        ("aws-storage", "expires_after", "31"),
        ("aws-storage", "nothing_expires"),
        ("aws-storage", "old_versions_kept_for_ever"),
        ("aws-storage", "old_versions_kept_for", "1"),
        ("aws-storage", "only_some_expire"),
        ("aws-storage", "one_missing", "cockroach/"),
        ("aws-storage", "one_never_deleted", "cockroach/", "31.5"),
        ("aws-storage", "nothing_stored"),
    ),
    "vatic/4-disaster-recovery/backups/4": (
        ("aws-storage", "own_key_dropped"),
        ("aws-storage", "encryption_dropped"),
        ("aws-storage", "public_access_partly_open"),
        ("aws-storage", "public_access_open"),
        ("aws-storage", "newest_in_clear", "cockroach/"),
        ("aws-storage", "nothing_stored"),
    ),
    "vatic/4-disaster-recovery/backups/5": (
        *(("verified-backups", "came_out", verdict) for verdict in ("fail", "unknown")),
        *(
            ("verified-backups", fault)
            for fault in ("never", "another_store", "an_older_one_is_bad", "one_failed_before")
        ),
        ("verified-backups", "verified", "24.1"),
        ("verified-backups", "took", "3601"),
        ("verified-backups", "lost", "3601"),
        value(_RESTORE, "/status", '"failed"'),
        value(_RESTORE, "/rows_missing", "1"),
        value(_RESTORE, "/seconds", "3601"),
        finished(_RESTORE, 31),
    ),
    "vatic/4-disaster-recovery/replication/1": (
        *(("kafka", "topic_gone", topic) for topic in TOPICS),
        *(("kafka", "topic_has", topic, "2", "replicas") for topic in TOPICS),
        ("kafka", "replicas_lag", "trades"),
        ("kafka", "no_leader", "market-data"),
        ("kafka", "topic_made", "audit-log-of-two", "3", "2"),
    ),
    "vatic/4-disaster-recovery/replication/2": (
        ("cockroach", "zone_asks_for", "DATABASE vatic", "2"),
        ("cockroach", "ranges", "underreplicated"),
        ("cockroach", "ranges", "unavailable"),
    ),
    "vatic/4-disaster-recovery/replication/3": (
        ("redis", "replica_gone"),
        ("redis", "replica_stands_still"),
        ("redis", "demoted"),
    ),
    "vatic/4-disaster-recovery/replication/4": (
        ("cockroach", "one_zone"),
        ("cockroach", "query_gives", REGIONS, "1"),
        ("cockroach", "ranges", "underreplicated"),
        ("aws-storage", "replication_disabled"),
        ("aws-storage", "replication_dropped"),
        ("aws-storage", "replicated_in_part"),
        ("aws-storage", "copied_to_the_same_region"),
    ),
    "vatic/4-disaster-recovery/failover/1": (
        ("cockroach", "node_dead"),
        ("cockroach", "node_forgotten"),
        ("cockroach", "zone_asks_for", "DATABASE vatic", "2"),
        ("cockroach", "ranges", "unavailable"),
    ),
    "vatic/4-disaster-recovery/failover/2": (
        ("sentinel", "gone"),
        ("sentinel", "forgetful"),
        ("sentinel", "believes_another"),
        ("sentinel", "quorum_of_one"),
        ("sentinel", "alone"),
        ("sentinel", "replica_down"),
    ),
    "vatic/4-disaster-recovery/failover/3": (
        ("kafka", "broker_gone", "3"),
        ("kafka", "topic_gone", "notifications"),
        ("kafka", "topic_has", "orders", "2", "replicas"),
        ("kafka", "replicas_lag", "market-data"),
        *(("kafka", "set_to", topic, "min.insync.replicas", number) for topic in TOPICS for number in ("1", "3")),
        *(("kafka", "set_to", topic, "unclean.leader.election.enable", "true") for topic in TOPICS),
    ),
    "vatic/4-disaster-recovery/failover/4": (
        *(value(_FAILOVER, f"/{part}/status", '"failed"') for part in _PARTS),
        *(value(_FAILOVER, f"/{part}/confirmed_writes_lost", "1") for part in _PARTS),
        finished(_FAILOVER, 90),
    ),
    "vatic/4-disaster-recovery/failover/5": (
        *(value(_FAILOVER, f"/{part}/seconds", "3601") for part in _PARTS),
        finished(_FAILOVER, 90),
    ),
    "vatic/4-disaster-recovery/disaster-recovery-plan/1": page("incident-response.md", *_INCIDENT),
    "vatic/4-disaster-recovery/disaster-recovery-plan/2": (
        value(_DRILL, "/status", '"failed"'),
        value(_DRILL, "/steps_failed", "1"),
        finished(_DRILL, 31),
    ),
    "vatic/4-disaster-recovery/disaster-recovery-plan/3": page("disaster-recovery.md", *_PLAN),
    "vatic/4-disaster-recovery/disaster-recovery-plan/4": (
        value(_DRILL, "/recovery_seconds", "3601"),
        finished(_DRILL, 31),
    ),
    "vatic/4-disaster-recovery/disaster-recovery-plan/5": (
        value(_DRILL, "/loss_seconds", "3601"),
        finished(_DRILL, 31),
        ("cockroach", "schedule_recurs", _OFTEN, "@hourly"),
        ("cockroach", "scratch_besides", "paused"),
        ("cockroach", "scratch_besides", "stale"),
        ("cockroach", "scratch_besides", "gone"),
        ("cockroach", "newest_backup_is", "61"),
        ("redis", "configured", "appendonly", "no", "save", "7200 1"),
        ("redis", "snapshot_fails"),
    ),
}
