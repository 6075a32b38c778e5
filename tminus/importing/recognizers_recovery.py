"""Lines about what is left after a loss: backups, how long things are kept, copies, failover, objectives."""

from pydantic import JsonValue

from tminus.importing.amounts import Amount
from tminus.importing.seen import Check, Recognizer, Seen, Suggestion, by_words, suggest

_EVERY = {"hourly": "1 h", "daily": "24 h", "nightly": "24 h", "weekly": "7 d"}


def objective(seen: Seen) -> Suggestion | None:
    """`RTO: <1 hour`, `Recovery point objective (RPO): 1 hour`: by what the latest drill measured."""
    if seen.time is None:
        return None
    name = "rto" if seen.has(r"\brto\b|recovery time objective") else "rpo"
    if name == "rpo" and not seen.has(r"\brpo\b|recovery point objective"):
        return None
    if name == "rpo" and seen.has(r"\bredis\b"):
        given: dict[str, JsonValue] = {"redis": "cache"}
        return suggest(
            "redis.persistence", given, {"rpo": seen.time.expected("<="), "failing": "= no"}, rpo=seen.time.said
        )
    pointer = "/recovery_seconds" if name == "rto" else "/loss_seconds"
    return suggest(
        "artifact.setting",
        {"file": "evidence/drill.json", "pointer": pointer},
        {"seconds": seen.time.expected("<=")},
        **{name: seen.time.said},
    )


def backups(seen: Seen) -> Suggestion | None:
    """`CockroachDB automated backups every 6 hours`, `Automated daily backups`."""
    every = _every(seen)
    if not seen.has(r"\bback-?ups?\b") or every is None or seen.has(r"\balerts?\b"):
        return None
    incremental = seen.has(r"\bincremental")
    promise = {"incremental_every" if incremental else "backup_every": every}
    if seen.has(r"\bcockroach"):
        expect = {"every": f"<= {every}", "failures": "= 0"}
        return suggest("cockroach.backups", {"database": "main"}, expect, **promise)
    given: dict[str, JsonValue] = {"bucket": "backups", "prefix": "database/", "every": every}
    expect = {"objects": ">= 2", "newest": f"<= {every}", "gaps": "= 0"}  # one file alone shows no rhythm
    return suggest("aws.objects", given, expect, **promise)


def _every(seen: Seen) -> str | None:
    if (length := seen.after("every|each")) is not None:
        return length.said
    if seen.has(r"\bevery (?:hour|day|night|week)\b"):
        return {"h": "1 h", "d": "24 h", "n": "24 h", "w": "7 d"}[seen.text.split("every ", 1)[1][0]]
    return next((length for word, length in _EVERY.items() if seen.has(rf"\b{word}\b")), None)


def retention(seen: Seen) -> Suggestion | None:
    """`Backup retention policy: 30 days`, `Jaeger configured with 7-day retention`, of logs, metrics and topics too."""
    kept = seen.time or seen.after(r"retention(?: (?:period|policy|configured))?(?: of)?|(?:retained|kept)(?: for)?")
    if kept is None or not seen.has(r"\bretention\b|\bretained\b|\bkept\b"):
        return None
    for about, make in _KEPT:
        if seen.has(about):
            return make(seen, kept)
    return next((make(seen, kept) for about, make in _KEPT if seen.under(about)), None)


def _kept_backups(seen: Seen, kept: Amount) -> Suggestion:
    bucket = Check("aws.bucket", {"bucket": "backups"}, {"retention": kept.expected("=")})
    made = backups(seen) or Suggestion()
    return Suggestion((*made.checks, bucket), {**made.promises, "backup_retention": kept.said})


def _kept_traces(_seen: Seen, kept: Amount) -> Suggestion:
    given: dict[str, JsonValue] = {"file": "settings/jaeger.yaml", "pointer": "/retention"}
    return suggest("artifact.setting", given, {"days": kept.expected("=")}, trace_retention=kept.said)


def _kept_logs(seen: Seen, kept: Amount) -> Suggestion:
    expect = {"present": "= all", "retention": kept.expected("=")}
    return suggest("aws.log_groups", {"groups": [f"/{seen.system}"]}, expect, log_retention=kept.said)


def _kept_metrics(_seen: Seen, kept: Amount) -> Suggestion:
    return suggest("prometheus.retention", {}, {"retention": kept.expected("=")}, metric_retention=kept.said)


def _kept_messages(_seen: Seen, kept: Amount) -> Suggestion:
    given: dict[str, JsonValue] = {"topic": "orders", "setting": "retention.ms"}
    return suggest("kafka.settings", given, {"retention": kept.expected("=")})


_KEPT = (
    (r"\bback-?ups?\b|\bsnapshots?\b", _kept_backups),
    (r"\btrac(?:es?|ing)\b|\bjaeger\b", _kept_traces),
    (r"\blogs?\b|\blogging\b|\bcloudwatch\b", _kept_logs),
    (r"\bprometheus\b|\bmetrics?\b", _kept_metrics),
    (r"\bkafka\b|\btopics?\b", _kept_messages),
)


def replication_factor(seen: Seen) -> Suggestion | None:
    """`Kafka topic replication factor = 3`, of CockroachDB too."""
    count = seen.only(lambda one: not one.per and one.unit in {"", "replicas", "copies", "x"})
    if count is None or not seen.has(r"\breplication factor\b|\breplicas? per\b"):
        return None
    limit = f"{count.compared('>=')} {count.number}"
    promised = {"replication": count.number}
    if seen.has(r"\bcockroach"):
        expect = {"replicas": limit, "under_replicated": "= 0"}
        return suggest("cockroach.replication", {"database": "main"}, expect, **promised)
    if seen.under(r"\bkafka\b|\btopics?\b"):
        expect = {"present": "= all", "replication": limit, "offline": "= 0"}
        return suggest("kafka.topics", {"topics": ["orders"]}, expect, **promised)
    return Suggestion(promises=promised)


def _sentinels(_seen: Seen) -> tuple[Check, ...]:
    expect = {"sentinels": ">= 3", "reachable": "= all", "same": "= yes"}
    return (Check("redis.sentinels", {"sentinels": "cache"}, expect),)


def _encrypted(seen: Seen) -> tuple[Check, ...]:
    if seen.has(r"\bcockroach"):
        return (Check("cockroach.backups", {"database": "main"}, {"encrypted": "= yes"}),)
    bucket = Check("aws.bucket", {"bucket": "backups"}, {"encrypted": "!= none"})
    return (
        bucket,
        Check("aws.objects", {"bucket": "backups", "prefix": "database/"}, {"objects": ">= 1", "encrypted": "= all"}),
    )


def _replica(seen: Seen) -> tuple[Check, ...]:
    if seen.has(r"\bredis\b"):
        return (Check("redis.replication", {"redis": "cache"}, {"replicas": ">= 1"}),)
    if seen.has(r"\bpostgres"):
        return (Check("postgres.streaming_replicas", {"database": "main"}, {"streaming": ">= 1"}),)
    return ()


RECOGNIZERS: tuple[Recognizer, ...] = (
    objective,
    retention,
    backups,
    replication_factor,
    by_words(r"\bredis\b.*\b(?:failover|sentinels?)\b|\bfailover\b.*\bredis\b", _sentinels),
    by_words(r"\bback-?ups?\b.*\bencrypt|\bencrypt.*\bback-?ups?\b|\bs3\b.*\bencrypt", _encrypted),
    by_words(r"\breplication\b|\breplicas?\b", _replica, unless=r"\bcross-region|\bfactor\b"),
    by_words(
        r"\bredis\b.*\bpersistence\b|\b(?:aof|rdb)\b",
        lambda _: (Check("redis.persistence", {"redis": "cache"}, {"aof": "= on", "failing": "= no"}),),
    ),
)
