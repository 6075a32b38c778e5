"""Mistakes in what drills are told by are found before anybody drills: with their place, and the nearest right word."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from tests.cli.drill_desk import MACHINE, NAME, PROMISE, REJOIN, DrillDesk, a_book, an_environment

PROMETHEUS = {"check": "metrics.prometheus", "with": {"query": "up"}, "expect": {"value": ">= 1"}}
WHOLE = {"kind": "region.lost", **PROMISE}
SERVICE: dict[str, JsonValue] = {**MACHINE, "url": "env:ORDERS"}


def changed(data: Mapping[str, JsonValue], at: str, value: JsonValue) -> dict[str, JsonValue]:
    """The same with something else there, or without it where it is None; `at` is its place, with slashes."""
    first, _, rest = at.partition("/")
    inside: Any = data.get(first)
    new = changed(inside or {}, rest, value) if rest else value
    return {**{key: one for key, one in data.items() if key != first}, **({} if new is None else {first: new})}


@pytest.fixture
def desk(tmp_path: Path) -> DrillDesk:
    """The usual files."""
    made = DrillDesk(tmp_path)
    made.write(a_book(), an_environment(tmp_path))
    return made


def test_nothing_is_wrong(desk: DrillDesk) -> None:
    """Exit 0; what was not looked at is said."""
    came = desk.validate()
    assert came.exit_code == 0, came.output
    assert "2 scenarios, no mistake found in itself; what it names is checked with --people\n" in came.stdout


IN_BOOK: dict[str, tuple[str, JsonValue, str]] = {
    "cluster": (f"scenarios/{NAME}/cluster", "mian", "no 'mian' under postgres; did you mean 'main'?"),
    "group": ("scenarios/cache-failover/group", "cash", "no 'cash' under redis; did you mean 'cache'?"),
    "kind": (f"scenarios/{NAME}/kind", "postgres.failovr", "did you mean 'postgres.failover'?"),
    "length": (f"scenarios/{NAME}/rto", "0s", "found 0s, expected more than 0s"),
    "owner": (f"scenarios/{NAME}/owner", " ", "owner: found 0 characters, expected at least 1"),
    "title": ("title", "", "title: found 0 characters, expected at least 1"),
    "role": (f"scenarios/{NAME}/approval", [""], "approval[0]: found 0 characters"),
    "evidence": (f"scenarios/{NAME}/evidence", "databse", "evidence: 'databse' is nothing that"),
    "twice": ("monthly", [NAME, "cache-failover", NAME], f"monthly[2]: {NAME} stands there twice"),
    "monthly": ("monthly", ["failovr"], f"monthly[0]: there is no scenario 'failovr'; did you mean '{NAME}'?"),
    "yearly": ("yearly", "everything", "such as one of `kind: region.lost`"),
    "guard": (f"scenarios/{NAME}/guards", ["orders"], "there is no guard 'orders'; the book has no `guards`"),
    "part": ("scenarios/all", {**WHOLE, "parts": [NAME, "cash-failover"]}, "did you mean 'cache-failover'?"),
    "whole": ("scenarios/all", {**WHOLE, "parts": [NAME, "all"]}, "'all' is made of parts itself; name those"),
    "prometheus": ("guards/up", {"title": "Up", **PROMETHEUS}, "guards.up.check: staging has no `prometheus`"),
    "service": (
        "guards/up",
        {"title": "Up", "check": "http.health", "with": {"services": ["orders"]}, "expect": {"healthy": "= all"}},
        "staging has no 'orders' under services",
    ),
    "endpoint": (
        "guards/up",
        {"title": "Up", "check": "endpoint.health", "with": {"endpoint": "shop"}, "expect": {"status": "= 200"}},
        "staging has no 'shop' under endpoints",
    ),
}


@pytest.mark.parametrize("case", IN_BOOK)
def test_a_mistake_of_the_book(desk: DrillDesk, case: str) -> None:
    """Exit 2, by `tminus validate`; and by the drill itself, which breaks nothing and asks no server."""
    at, value, said = IN_BOOK[case]
    desk.write(changed(a_book(), at, value), an_environment(desk.folder))
    came = desk.validate()
    assert (came.exit_code, said in came.stderr) == (2, True), came.output
    assert came.stderr.startswith(str(desk.folder / "drills.yaml")), "with its line"
    name = "cache-failover" if case == "group" else "all" if case in {"part", "whole"} else NAME
    played = desk.tminus("drill", name)
    assert (played.exit_code, said in played.stderr) == (2, True), played.output


IN_ENVIRONMENT: dict[str, tuple[str, JsonValue, str]] = {
    "sentinels": ("drills/redis/cache/sentinels", "cash", "did you mean 'cache'?"),
    "none": ("drills", None, "staging has no `drills:`, which names what may be broken"),
    "no time": ("drills/patience", "0s", "drills.patience: found 0s, expected more than 0s"),
    "less": ("drills/patience", "-5s", "drills.patience"),
    "same dsn": ("drills/postgres/main/nodes/b/dsn", "env:PG_A", "a and b have the same address (env:PG_A)"),
    "same url": ("drills/redis/cache/nodes/d/url", "env:REDIS_C", "c and d have the same address (env:REDIS_C)"),
    "typo": (
        "drills/postgres/main/nodes/a/rejoin",
        {"argv": ["rejoin", "{primry}"]},
        "rejoin: no argument holds {primary}, which is filled in, but {primry}",
    ),
    "no word": ("drills/redis/cache/nodes/c/rejoin", {"argv": ["rejoin"]}, "no argument holds {primary}"),
    "no instant": (
        "drills/restorable",
        {
            "records": {
                **MACHINE,
                "dsn": "env:R",
                **{deed: {"argv": ["true"]} for deed in ("ready", "lose", "restore", "give_back")},
            }
        },
        "restore: no argument holds {until}",
    ),
    "elsewhere": ("drills/redis/cache/nodes/c/kill", {"argv": ["kill", "{primary}"]}, "nothing is filled in for"),
}


@pytest.mark.parametrize("case", IN_ENVIRONMENT)
def test_a_mistake_of_the_environment(desk: DrillDesk, case: str) -> None:
    """The same."""
    at, value, said = IN_ENVIRONMENT[case]
    desk.write(a_book(), changed(an_environment(desk.folder), at, value))
    came = desk.validate()
    assert (came.exit_code, said in came.stderr) == (2, True), came.output
    played = desk.tminus("drill", "cache-failover")
    assert (played.exit_code, said in played.stderr) == (2, True), played.output


def test_a_shells_own_braces_are_left_alone(desk: DrillDesk) -> None:
    """A variable in a script is no placeholder."""
    command: JsonValue = {"argv": ["sh", "-c", "kill $(cat ${PIDFILE}) | awk '{print}'"]}
    desk.write(a_book(), changed(an_environment(desk.folder), "drills/redis/cache/nodes/c/kill", command))
    assert desk.validate().exit_code == 0


def test_a_mistake_elsewhere_keeps_no_drill(desk: DrillDesk) -> None:
    """What another scenario names that is not there is another scenario's: this one goes as far as its secrets."""
    desk.write(changed(a_book(), "scenarios/cache-failover/group", "cash"), an_environment(desk.folder))
    came = desk.tminus("drill", NAME)
    assert "PG_A" in came.stderr
    assert "cash" not in came.stderr


SAME: dict[str, tuple[dict[str, JsonValue], dict[str, JsonValue], str]] = {
    "a cluster by two names": (
        {"kind": "postgres.failover", "cluster": "main"},
        {"kind": "postgres.failover", "cluster": "other"},
        "one and other break the same: env:PG_A, env:PG_B",
    ),
    "in another section": (
        {"kind": "postgres.failover", "cluster": "main"},
        {"kind": "postgres.restore", "server": "records"},
        "one and other break the same: env:PG_A",
    ),
    "a service twice": (
        {"kind": "machine.killed", "machine": "orders"},
        {"kind": "machine.hung", "machine": "orders-too"},
        "one and other break the same: env:ORDERS",
    ),
    "an instance of RDS by two names": (
        {"kind": "rds.failover", "database": "orders"},
        {"kind": "rds.failover", "database": "orders-too"},
        "one and other break the same: the instance orders-1",
    ),
    "one lock": (
        {"kind": "postgres.failover", "cluster": "main"},
        {"kind": "redis.failover", "group": "main"},
        "one and other both have a server main-a",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_parts_that_are_the_same(desk: DrillDesk, case: str) -> None:
    """By the references of their servers, whatever they are called; and by what their commands are held apart by."""
    one, other, said = SAME[case]
    environment = an_environment(desk.folder)
    drills: Any = environment["drills"]
    deeds: dict[str, JsonValue] = {deed: {"argv": ["true"]} for deed in ("ready", "lose", "give_back")}
    redis = {node: {**MACHINE, "url": f"env:OTHER_{node}", "rejoin": REJOIN} for node in "ab"}
    more = {
        "aws": {"region": "eu-central-1"},
        "drills/rds": {name: {"instance": "orders-1", "dsn": f"env:{name}"} for name in ORDERS},
        "drills/postgres/other": drills["postgres"]["main"],
        "drills/redis/main": {"sentinels": "cache", "nodes": redis},
        "drills/restorable/records": {**MACHINE, "dsn": "env:PG_A", **deeds, "restore": {"argv": ["{until}"]}},
        "drills/services": {name: {**SERVICE, "hang": {"argv": ["x"]}, "resume": {"argv": ["x"]}} for name in ORDERS},
    }
    for at, value in more.items():
        environment = changed(environment, at, value)
    parts: JsonValue = {**WHOLE, "parts": ["one", "other"]}
    scenarios: JsonValue = {"one": {**PROMISE, **one}, "other": {**PROMISE, **other}, "all": parts}
    desk.write({**a_book(), "scenarios": scenarios}, environment)
    for came in (desk.validate(), desk.tminus("drill", "all")):
        assert (came.exit_code, f"scenarios.all.parts: {said}" in came.stderr) == (2, True), came.output


ORDERS = ("orders", "orders-too")


@pytest.mark.parametrize(
    ("allowed", "may_lose", "said"),
    [
        (["all", NAME], 30, "nobody opted in to cache-failover"),
        (["all", NAME, "cache-failover"], 5, "may lose 5 acknowledged writes, and its parts 30 together"),
        (["all", NAME, "cache-failover", "failovr"], 30, "'failovr' is no scenario of house's book; did you mean"),
        (["all", NAME, "cache-failover"], 30, ""),
    ],
)
def test_a_region_in_production(desk: DrillDesk, allowed: list[JsonValue], may_lose: int, said: str) -> None:
    """Each part is opted in to as the whole is, and whoever signs for the whole signs for what each may lose."""
    book = a_book()
    for name, lost in ((NAME, 10), ("cache-failover", 20)):
        book = changed(changed(book, f"scenarios/{name}/may_lose", lost), f"scenarios/{name}/approval", ["cto"])
    whole: JsonValue = {**WHOLE, "approval": ["cto"], "may_lose": may_lose, "parts": [NAME, "cache-failover"]}
    environment = changed(an_environment(desk.folder, "production"), "drills/allowed", allowed)
    desk.write(
        changed(book, "scenarios/all", whole), changed(environment, "ledger", {"postgres": "env:NO_SUCH_LEDGER"})
    )
    came = desk.validate()
    assert (came.exit_code, said in came.stderr) == (2 if said else 0, True), came.output
    if said:
        assert "environment.yaml:" in came.stderr
        assert "drills.allowed[" in came.stderr


def test_a_cloud_that_the_environment_does_not_name(tmp_path: Path) -> None:
    """Found before anybody drills there, as the instance is that it does not name either."""
    desk = DrillDesk(tmp_path)
    zone: JsonValue = {"kind": "rds.failover", **PROMISE, "database": "records"}
    desk.write(changed(a_book(), "scenarios/zone", zone), an_environment(tmp_path))
    came = desk.validate()
    assert came.exit_code == 2, came.output
    assert "has no `aws:`, by which it is played" in came.output
    assert "no 'records' under rds" in came.output


def test_a_calendar_that_never_leaves_time_enough(tmp_path: Path) -> None:
    """Found before the month's drill is refused week after week."""
    desk = DrillDesk(tmp_path)
    short: JsonValue = {"time_zone": "UTC", "windows": [{"days": ["mon"], "from": "06:00", "to": "06:10"}]}
    desk.write(a_book(), changed(an_environment(tmp_path), "calendar", short))
    came = desk.validate()
    assert came.exit_code == 2, came.output
    assert "never lets drills go on for so long: no window for a drill is open" in came.output
