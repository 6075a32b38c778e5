"""Lines about what the system runs on: Kubernetes, AWS, and other vendors by their names."""

from collections.abc import Mapping

from pydantic import JsonValue

from tminus.importing.seen import Check, Recognizer, Seen, Suggestion, by_words, suggest


def nodes(seen: Seen) -> Suggestion | None:
    """`EKS cluster configured with 3+ nodes`."""
    count = seen.only(lambda one: one.unit in {"nodes", "node", "workers"} and not one.per)
    if count is None or seen.has(r"\bkafka\b|\bredis\b|\bcockroach|\bpostgres"):
        return None
    ready = {"ready": f"{count.compared('>=')} {count.number}"}
    checks = [Check("kubernetes.nodes", {}, ready)]
    if seen.has(r"\beks\b"):
        wanted = {"status": "= ACTIVE", "nodes": ready["ready"]}
        checks.insert(0, Check("aws.cluster", {"cluster": seen.system}, wanted))
    return Suggestion(tuple(checks), {"nodes": count.number})


def replicas(seen: Seen) -> Suggestion | None:
    """`At least 3 replicas of each service`."""
    count = seen.only(lambda one: one.unit in {"replicas", "replica", "pods", "instances"} and not one.per)
    if count is None or not seen.speaks_of("kubernetes") or seen.has(r"\bkafka\b|\bredis\b|\bfactor\b|\bdatabase\b"):
        return None
    return suggest(
        "kubernetes.workloads", {}, {"replicas": f"{count.compared('>=')} {count.number}", "available": "= all"}
    )


def _plain(kind: str, expect: Mapping[str, str], **given: JsonValue) -> "tuple[Check, ...]":
    return (Check(kind, given, expect),)


def _volumes(_seen: Seen) -> tuple[Check, ...]:
    return _plain("kubernetes.storage", {"volumes": "= all"})


def _balancer(seen: Seen) -> tuple[Check, ...]:
    if not seen.speaks_of("aws") and not seen.speaks_of("eks"):
        return ()
    return _plain("aws.load_balancer", {"status": "= active", "healthy": "= all"}, name=seen.system)


def _shield(seen: Seen) -> tuple[Check, ...]:
    if not seen.speaks_of("aws") and not seen.speaks_of("cloudwatch"):
        return ()
    return _plain("aws.shield", {"subscribed": "= yes", "protected": ">= 1"})


def _waf(seen: Seen) -> tuple[Check, ...]:
    return _plain("aws.waf", {"rules": ">= 1", "blocking": "= all", "attached": ">= 1"}, acl=seen.system)


def _multi_az(seen: Seen) -> tuple[Check, ...]:
    return _plain("aws.database", {"multi_az": "= yes"}, instance=seen.system)


def _railway(_seen: Seen) -> tuple[Check, ...]:
    return _plain("railway.services", {"deployed": "= all", "running": "= all", "crashed": "= 0"}, services=["api"])


def _apm(seen: Seen) -> tuple[Check, ...]:
    if not seen.speaks_of("datadog"):
        return ()
    return _plain("datadog.apm", {"spans": ">= 1"}, service=seen.system, env="production")


def _graceful(seen: Seen) -> tuple[Check, ...]:
    if not seen.speaks_of("kubernetes"):
        return ()
    return _plain("kubernetes.workloads", {"graceful": "= all", "available": "= all"})


RECOGNIZERS: tuple[Recognizer, ...] = (
    nodes,
    replicas,
    by_words(
        r"\bhpa\b|\bhorizontal pod autoscal|\bpod autoscal",
        lambda _: _plain("kubernetes.autoscalers", {"scaled": "= all", "able": "= all"}),
    ),
    by_words(
        r"\bpdbs?\b|\bpod disruption budget",
        lambda _: _plain("kubernetes.disruption_budgets", {"covered": "= all", "blocking": "= 0"}),
    ),
    by_words(
        r"\bnetwork polic",
        lambda _: _plain("kubernetes.network_policies", {"default_deny": "= yes", "covered": "= all"}),
    ),
    by_words(
        r"\b(?:pod|container|cpu|memory|resource)s? (?:resource |and memory )?(?:requests? and )?limits?\b",
        lambda _: _plain("kubernetes.limits", {"limited": "= all"}),
    ),
    by_words(r"\bpersistent volumes?\b|\bpvcs?\b", _volumes, unless=r"\bback"),
    by_words(r"\bstorage class", lambda _: _plain("kubernetes.storage", {"classes": ">= 1", "default": "!= none"})),
    by_words(
        r"\b(?:readiness|liveness)\b.*\bprobes?\b",
        lambda _: _plain("kubernetes.workloads", {"probed": "= all"}),
    ),
    by_words(r"\banti-?affinity\b|\btopology spread\b", lambda _: _plain("kubernetes.workloads", {"spread": "= all"})),
    by_words(r"\bgraceful(?:ly)? (?:shutdown|shut|terminat|handl)", _graceful),
    by_words(r"\bwaf\b|\bweb application firewall\b", _waf),
    by_words(r"\bddos\b|\baws shield\b", _shield),
    by_words(r"\bload balancers?\b", _balancer),
    by_words(r"\bmulti-?az\b", _multi_az),
    by_words(r"\brailway\b", _railway, unless=r"@|\bsupport\b"),
    by_words(r"\bapm\b", _apm),
    by_words(
        r"\bsentry\b",
        lambda seen: _plain("sentry.project", {"receiving": "= yes"}, project=seen.system),
        unless=r"@|\bsupport\b",
    ),
    by_words(r"\bdns\b", lambda _: _plain("dns.name", {"addresses": ">= 1", "same": "= yes"}, endpoint="web")),
    by_words(r"\bcdn\b", lambda _: _plain("cdn.asset", {"cached": "= hit"}, endpoint="cdn", path="/")),
    by_words(
        r"\bconsistent hash",
        lambda _: _plain("istio.traffic", {"hashed": "= yes"}, host="notifications"),
    ),
)
