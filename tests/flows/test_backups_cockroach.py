"""A CockroachDB's own backups, restored into a scratch cluster. Both clusters are fakes, of the protocol only."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from deployments.rehearsal.vendors.cockroach_state import COLLECTION
from tasks.backups.verify_cockroach import (
    CockroachAsked,
    CockroachSeen,
    drop_scratch,
    verify_cockroach,
)
from tasks.estate import Estate
from tests.conftest import Estates
from tests.flows.cockroach_room import INVARIANT, STORE, Clusters, two_clusters
from tminus import events as ev
from tminus.backups.book import CockroachBackup
from tminus.backups.cockroach_proof import unless_proven, version_of
from tminus.backups.together import Answers
from tminus.backups.together_sets import Sets
from tminus.outcome import Outcome, Verdict
from tminus.release import no_release

KEY = "aws-kms:///alias/vatic?AUTH=specified&AWS_SECRET_ACCESS_KEY=made-up"


@pytest.fixture
def clusters(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clusters]:
    """Both well; the scratch is declared as one."""
    yield from two_clusters(estates, monkeypatch)


def test_a_good_backup_is_proven_where_somebody_vouched(clusters: Clusters) -> None:
    """With its figures; the scratch database was recorded before it was made, and nothing of it is left."""
    said = clusters.verified()

    assert said.outcome.verdict is Verdict.PASS, (said.outcome.summary, said.outcome.details)
    assert said.marker is not None
    assert said.marker.number == 7
    assert said.rto_seconds is not None
    assert said.rpo_seconds == pytest.approx(1260, abs=5)
    assert said.backup.startswith("20")
    kinds = [one.type for one in clusters.events()]
    assert kinds == ["verification.began", "scratch.planned", "scratch.gone", "backup.verified", "verification.ended"]
    assert clusters.restores.jobs
    assert (clusters.restores.databases, clusters.restores.made) == (set(), {})


@pytest.mark.parametrize("proven_on", [(), ("v23.2", "v25.1")])
def test_what_no_real_server_answered_proves_nothing(clusters: Clusters, proven_on: tuple[str, ...]) -> None:
    """Good or bad: it says what would have come of it."""
    said = clusters.verified(proven_on=proven_on)
    assert said.outcome.verdict is Verdict.UNKNOWN
    assert "no real CockroachDB v24.3 is known" in said.outcome.summary
    assert "it would be pass" in said.outcome.summary
    clusters.restores.held.files_missing = True
    assert "it would be fail" in clusters.verified(proven_on=proven_on).outcome.summary


def _full_only(clusters: Clusters) -> None:
    held = clusters.restores.held
    held.ages, held.rows = held.ages[1:], {"public.orders": (409,), "public.accounts": (50,), "tminus.marker": (1,)}


DAMAGES: Mapping[str, tuple[Callable[[Clusters], object], str]] = {
    "table lost": (lambda one: one.restores.held.restored.pop("public.accounts"), "table public.accounts is missing"),
    "too many rows": (lambda one: one.restores.held.restored.update({"public.orders": 421}), "421 rows, and 420"),
    "rows differ": (_full_only, "table public.orders has 410 rows, and 409 were backed up"),
    "files missing": (lambda one: setattr(one.restores.held, "files_missing", True), "files of it are missing"),
    "restore failed": (lambda one: setattr(one.restores, "ends", "failed"), "RESTORE failed"),
    "other database": (lambda one: setattr(one.restores.held, "database", "other"), "nothing of the database 'vatic'"),
    "no backup": (lambda one: one.scratch.state.collections.update({COLLECTION: []}), "there is no backup in external"),
    "invariant": (lambda one: one.scratch.gives(INVARIANT, 3), "Every order has an account: 3"),
    "old": (lambda one: setattr(one.restores.held, "ages", (timedelta(days=3), timedelta(days=2))), "age"),
    "loss": (lambda one: setattr(one.restores.held, "mark", (7, timedelta(hours=5))), "loss"),
    "gap": (lambda one: one.scratch.state.collections[COLLECTION].pop(7), "missing 1"),
    "too many": (
        lambda one: one.scratch.state.collections[COLLECTION].append(datetime.now(UTC) - timedelta(days=40)),
        "should be gone",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_caught(clusters: Clusters, damage: str) -> None:
    """With the part that is wrong; the scratch database is dropped all the same."""
    harm, why = DAMAGES[damage]
    harm(clusters)
    outcome = clusters.verified().outcome
    assert outcome.verdict is Verdict.FAIL, outcome
    assert why in f"{outcome.summary} {outcome.details}"
    assert (clusters.restores.databases, clusters.restores.made) == (set(), {})


@pytest.mark.parametrize(
    ("hinder", "why"),
    [
        (lambda one: setattr(one.restores, "declared", False), "not marked as a scratch"),
        (lambda one: setattr(one.restores, "cluster_id", one.live.state.restores.cluster_id), "the same cluster as"),
        (lambda one: setattr(one.restores, "ends", "canceled"), "canceled by somebody else"),
        (lambda one: setattr(one.restores.held, "mark", None), "not measured: loss"),
        (lambda one: setattr(one.restores.held, "kms", KEY), "was refused"),
    ],
)
def test_where_it_cannot_look_it_is_unknown(clusters: Clusters, hinder: Callable[[Clusters], object], why: str) -> None:
    """And nothing is restored into what is not a scratch."""
    hinder(clusters)
    outcome = clusters.verified().outcome
    assert outcome.verdict is Verdict.UNKNOWN, outcome
    assert why in outcome.summary
    assert clusters.restores.databases == set()


def test_no_scratch_is_named(clusters: Clusters) -> None:
    """It says what to do, and leaves no plan behind."""
    outcome = clusters.verified(scratch="").outcome
    assert outcome.verdict is Verdict.UNKNOWN
    assert "CREATE TABLE tminus_scratch.public.made" in outcome.summary
    assert "scratch.planned" not in [one.type for one in clusters.events()]


def test_a_live_cluster_that_is_silent_hinders_nothing(clusters: Clusters, estates: Estates) -> None:
    """Backups are needed most then; the scratch's own mark is enough."""
    clusters.dsns = {**clusters.dsns, "main": "postgresql://tminus@127.0.0.1:1/vatic"}
    assert clusters.verified().outcome.verdict is Verdict.PASS


def test_an_encrypted_one_is_read_by_its_key(clusters: Clusters, estates: Estates) -> None:
    """Which is in no event."""
    clusters.restores.held.kms = KEY
    said = clusters.verified(kms=estates.secret(SecretStr(KEY)))
    assert said.outcome.verdict is Verdict.PASS, said.outcome
    assert "made-up" not in "".join(one.model_dump_json() for one in clusters.events())


@pytest.mark.parametrize("proven_on", [("v24.3",), ()])
def test_a_comparison_with_other_stores(clusters: Clusters, proven_on: tuple[str, ...]) -> None:
    """It is asked for its ids while it is up, of one moment; they count where somebody vouched for the cluster."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    clusters.scratch.gives("SELECT * FROM (SELECT id, placed_at FROM orders ) AS ids LIMIT 0", [("x", at)])
    clusters.scratch.gives(
        "SELECT id::text, extract(epoch FROM at)::float8 FROM (SELECT id, placed_at FROM orders ) AS ids(id, at)",
        [(str(number), at.timestamp()) for number in range(5)],
    )
    opened, sets = clusters.opened(proven_on=proven_on), Sets()
    answers = Answers("database", {0: "SELECT id, placed_at FROM orders"}, sets)
    planned = ev.ScratchPlanned(
        verification="v", store="database", scratch="tminus-scratch-1", folder="", machine="m", cluster="scratch"
    )

    async def looked() -> None:
        async with Estate(opened.environment, no_release("vatic"), "v", opened.base) as estate:
            store = CockroachBackup.model_validate(STORE)
            one = CockroachAsked(estate, store, planned, "chain", datetime.now(UTC), 30, answers)
            await verify_cockroach(one, CockroachSeen())
            assert await drop_scratch(estate, planned, "chain")
            assert not await drop_scratch(estate, planned, "chain")

    asyncio.run(looked())
    if proven_on:
        assert (answers.why, sets.count(0, "database")) == ("", 5)
        assert answers.mark is not None
    else:
        assert "nobody vouched" in answers.why
        assert answers.mark is None
    sets.close()


def test_outcomes_stay_unknown() -> None:
    """What could not be looked at is not said to be a verdict."""
    silent = Outcome.unknown("silent")
    assert unless_proven(silent, "", ()) is silent
    assert version_of("CockroachDB CCL v24.3.14 (x86_64-pc-linux-gnu)") == "v24.3"
    assert version_of("PostgreSQL 16") == ""
