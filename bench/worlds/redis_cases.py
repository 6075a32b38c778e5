"""What is asked of the systems' Redis, and what must make each of it fail."""

from bench.worlds.world import Case

_CACHE = {"redis": "cache"}
LIMIT = 64 * 1024 * 1024  # bytes

CASES = (
    Case(
        "redis.replication",
        _CACHE,
        {"replicas": ">= 1", "lag": "< 1 s", "lag_bytes": "< 1 MB", "persistence": "= aof", "role": "= primary"},
        ("replica_gone", "replica_stands_still", ("configured", "appendonly", "no"), "demoted"),
    ),
    Case(
        "redis.persistence",
        _CACHE,
        {"aof": "= on", "fsync": "= everysec", "rpo": "<= 1 s", "last_save": "< 24 h", "failing": "= no"},
        (
            ("configured", "appendonly", "no"),
            ("configured", "appendfsync", "no"),
            ("configured", "appendonly", "no", "save", "7200 1"),
            ("configured", "no-appendfsync-on-rewrite", "yes"),
            "snapshot_fails",
            "snapshot_old",
        ),
    ),
    Case(
        "redis.keys",
        {**_CACHE, "namespaces": ["session:", "quote:", "rate-limit:"]},
        {
            "keys": ">= 100",
            "namespaced": "= all",
            "expiring": "= all",
            "compressed": "= all",
            "uncompressed": "= 0",
            "longest": "<= 24 h",
        },
        (
            "emptied",
            ("key_left", "tmp", "60", "1"),
            ("key_left", "session:kept", "0", "1"),
            ("key_left", "session:week", "604800", "1"),
            ("key_left", "quote:plain", "60", "20000"),
            ("key_elsewhere", "tmp", "60", "1"),
            ("key_elsewhere", "session:kept", "0", "1"),
            ("key_elsewhere", "session:week", "604800", "1"),
            ("key_elsewhere", "quote:plain", "60", "20000"),
        ),
    ),
    Case("redis.keys", {**_CACHE, "sample": 5}, {"expiring": "= all"}, (("key_left", "session:kept", "0", "1"),)),
    Case("redis.keys", _CACHE, {"keys": ">= 1", "sampled": "= all"}, ("emptied",)),
    Case("redis.keys", _CACHE, {"namespaced": "= all"}, (("key_left", "4711", "60", "1"),)),
    Case(
        "redis.stats",
        _CACHE,
        {
            "hit_rate": "> 80 %",
            "memory": "< 80 %",
            "limit": f"= {LIMIT} B",
            "evicted": "= 0",
            "clients": "< 50",
            "blocked": "= 0",
            "policy": "= allkeys-lru",
        },
        (
            "lookups_miss",
            ("lookups_miss", "80"),
            "nearly_full",
            ("configured", "maxmemory", "0"),
            "evicting",
            "crowded",
            "somebody_waits",
            ("configured", "maxmemory-policy", "noeviction"),
        ),
    ),
    Case("redis.stats", _CACHE, {"since": "< 1 h", "hit_rate": "> 80 %"}, ("lookups_miss",)),
    Case(
        "redis.stats",
        {**_CACHE, "within": "150 ms"},
        {"hit_rate_lately": "> 80 %", "hit_rate": "> 80 %"},
        (("looked_up_lately", "20"), ("looked_up_lately", "80"), ("lookups_miss", "80")),
        blinded_by=("nobody_asks",),
    ),
    Case("redis.stats", _CACHE, {"clients": ">= 2"}, ("services_gone",)),
    Case("redis.keys", {**_CACHE, "big": 10240}, {"compressed": "= all"}, (("keys_gone", "quote:book-*"),)),
)
