"""The columns, with their types, of what a CockroachDB tells about itself: version 24.3, as the fake of it answers.

Sources: pkg/sql/crdb_internal.go, pkg/sql/delegate/show_schedules.go and show_jobs.go of cockroachdb/cockroach, and
https://www.cockroachlabs.com/docs/v24.3/show-backup, show-jobs, show-schedules and show-zone-configurations.
"""

from collections.abc import Mapping

Columns = Mapping[str, str]

TABLES: Mapping[str, Columns] = {
    "crdb_internal.gossip_nodes": {
        "node_id": "INT8",
        "network": "TEXT",
        "address": "TEXT",
        "advertise_address": "TEXT",
        "sql_network": "TEXT",
        "sql_address": "TEXT",
        "advertise_sql_address": "TEXT",
        "attrs": "JSONB",
        "locality": "TEXT",
        "cluster_name": "TEXT",
        "server_version": "TEXT",
        "build_tag": "TEXT",
        "started_at": "TIMESTAMP",
        "is_live": "BOOL",
        "ranges": "INT8",
        "leases": "INT8",
    },
    "crdb_internal.gossip_liveness": {
        "node_id": "INT8",
        "epoch": "INT8",
        "expiration": "TEXT",
        "draining": "BOOL",
        "decommissioning": "BOOL",
        "membership": "TEXT",
        "updated_at": "TIMESTAMP",
    },
    "crdb_internal.kv_store_status": {
        "node_id": "INT8",
        "store_id": "INT8",
        "attrs": "JSONB",
        "capacity": "INT8",
        "available": "INT8",
        "used": "INT8",
        "logical_bytes": "INT8",
        "range_count": "INT8",
        "lease_count": "INT8",
        "writes_per_second": "FLOAT8",
        "bytes_per_replica": "JSONB",
        "writes_per_replica": "JSONB",
        "metrics": "JSONB",
        "properties": "JSONB",
    },
}
"""Table → its columns. Without the session's allow_unsafe_internals none of them may be read (since version 25.4)."""

ZONES: Columns = {"target": "TEXT", "raw_config_sql": "TEXT"}
SCHEDULES: Columns = {
    "id": "INT8",
    "label": "TEXT",
    "schedule_status": "TEXT",
    "next_run": "TIMESTAMPTZ",
    "state": "TEXT",
    "recurrence": "TEXT",
    "jobsrunning": "INT8",
    "owner": "TEXT",
    "created": "TIMESTAMPTZ",
    "command": "TEXT",
}
JOBS: Columns = {
    "job_id": "INT8",
    "job_type": "TEXT",
    "description": "TEXT",
    "user_name": "TEXT",
    "status": "TEXT",
    "running_status": "TEXT",
    "created": "TIMESTAMPTZ",
    "started": "TIMESTAMPTZ",
    "finished": "TIMESTAMPTZ",
    "modified": "TIMESTAMPTZ",
    "fraction_completed": "FLOAT8",
    "error": "TEXT",
    "coordinator_id": "INT8",
}
BACKUPS: Columns = {"path": "TEXT"}
ROLES: Columns = {"username": "TEXT", "options": "TEXT", "member_of": "TEXT"}
SESSIONS: Columns = {
    "session_id": "TEXT",
    "user_name": "TEXT",
    "client_address": "TEXT",
    "application_name": "TEXT",
    "session_start": "TIMESTAMPTZ",
    "status": "TEXT",
}
