"""Creating a launch: everything is checked first, bad input changes nothing, and a second one is refused by name."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tasks.vocabulary import KINDS
from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.test_appending import together
from tests.tminus.story_documents import DATA
from tminus import events as ev
from tminus.clock import now
from tminus.errors import BookError, Refused, UsageError
from tminus.frozen import Frozen, digest_of
from tminus.launching import Documents, create, launch_id
from tminus.ledger.directory import DIRECTORY, listed_heads, under_way
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Entry, Store
from tminus.ledger.verifying import verify
from tminus.record import Record
from tminus.runbook_source import build
from tminus.yaml_source import Source

HOUR = timedelta(seconds=5)


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A folder with the four documents, to be spoiled."""
    folder = tmp_path / "papers"
    shutil.copytree(DATA, folder)
    return folder


def read(papers: Path) -> Documents:
    """The four documents, checked."""
    return Documents.read(
        papers / "release.yaml", papers / "story_book.yaml", papers / "people.yaml", papers / "environment.yaml", KINDS
    )


def frozen(papers: Path, t0: datetime | None = None, launch: str = "tradesense-2.0.0-1") -> Frozen:
    """The launch they make; T-4h is a moment from now unless `t0` says otherwise."""
    return read(papers).frozen(launch, t0 or now() + 5 * HOUR, "devops-1", "tradesense 2.0.0")


def untouched(store: Store) -> None:
    """Nothing is in the ledger, and nothing is held."""
    assert store.chains() == []
    assert store.locked_by("rehearsal-on-loopback") is None


def test_a_launch_is_created_whole(ledger: Ledger, papers: Path) -> None:
    """Its first event holds everything it will ever read; it has its environment's lock and stands in the directory."""
    store = ledger.open()
    made = frozen(papers)
    assert create(store, made) == made.created.launch
    record = Logbook(store, made.created.launch).refresh()
    assert record.created == made.created
    again = Frozen(made.created, KINDS)
    assert (again.release.system, again.environment.environment) == ("tradesense", "rehearsal-on-loopback")
    assert again.runbook == made.runbook
    assert len(again.people.people) == 7
    assert store.locked_by("rehearsal-on-loopback") == made.created.launch
    assert under_way(store) == [made.created.launch]
    assert listed_heads(store, made.created.launch) == [store.head(made.created.launch)]
    assert verify(store, made.created.launch).faults == ()


def test_a_launch_with_a_book_that_is_refused_today_stays_readable(papers: Path) -> None:
    """One whose approval is advisory may be under way, and must have its way back."""
    made = frozen(papers).created
    old = made.runbook.replace('"approval":', '"severity":"advisory","approval":')
    book = Frozen(made.model_copy(update={"runbook": old}), KINDS).runbook
    assert [step.blocking for step in book.steps() if step.does.kind == "approval"] == [False]
    with pytest.raises(BookError, match="an approval always blocks"):
        build(Source.thawed("runbook", old), KINDS)


def test_what_is_frozen_does_not_change_with_its_file(papers: Path) -> None:
    """A document that is changed later makes another digest, and the launch keeps what it froze."""
    before = frozen(papers)
    text = (papers / "release.yaml").read_text()
    (papers / "release.yaml").write_text(text.replace("TS-2000", "TS-2001"))
    after = frozen(papers)
    assert before.release.ticket == "TS-2000"
    assert before.created.digests["release"] != after.created.digests["release"]
    assert before.created.digests["people"] == after.created.digests["people"]
    assert after.created.digests["release"] == digest_of(after.created.release)


@pytest.mark.parametrize("early", [timedelta(seconds=-1), timedelta(0), HOUR])
def test_a_moment_in_the_past_changes_nothing(ledger: Ledger, papers: Path, early: timedelta) -> None:
    """T-0 in the past, or so near that its first phase would be, is refused with the times; nothing is created."""
    store = ledger.open()
    with pytest.raises(UsageError, match=r"in the past|would have been at .* choose a later T-0"):
        create(store, frozen(papers, now() + early))
    untouched(store)


def test_t0_may_be_said_in_any_zone(ledger: Ledger, papers: Path) -> None:
    """T-0 is the same moment however it was written."""
    store = ledger.open()
    t0 = (now() + 5 * HOUR).replace(microsecond=0)
    create(store, frozen(papers, t0.astimezone(ZoneInfo("Asia/Kolkata"))))
    created = Logbook(store, "tradesense-2.0.0-1").refresh().created
    assert created is not None
    assert created.t0 == t0
    assert created.t0.utcoffset() == timedelta(0)


def _wrong_system(papers: Path) -> None:
    _replace(papers / "release.yaml", "system: tradesense", "system: vatic")


def _nobody_with_the_role(papers: Path) -> None:
    _replace(papers / "people.yaml", "roles: [security_lead]", "roles: [ceo]")
    _replace(papers / "people.yaml", "roles: [devops_lead, security_lead]", "roles: [devops_lead]")


def _one_person_for_all(papers: Path) -> None:
    text = (papers / "people.yaml").read_text()
    first = text.split("  - id: ")[1].replace("roles: [engineering_lead]", "roles: [engineering_lead, devops_lead]")
    engineer = text.split("  - id: ")[-1]
    (papers / "people.yaml").write_text(f"people:\n  - id: {first}  - id: {engineer}")


def _unknown_check(papers: Path) -> None:
    _replace(papers / "story_book.yaml", "check: ", "check: no-")


def _broken_yaml(papers: Path) -> None:
    _replace(papers / "environment.yaml", "kind: rehearsal", "kind: [rehearsal")


def _ledger_in_a_file(papers: Path) -> None:
    _replace(papers / "environment.yaml", "kind: rehearsal", "kind: production")
    _replace(papers / "environment.yaml", "clock: {hour: 5s}\n", "")


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "kind", "why"),
    [
        (_wrong_system, UsageError, "the release is of vatic, and the book is for tradesense"),
        (_nobody_with_the_role, UsageError, "can never be decided: .*security_lead"),
        (_one_person_for_all, UsageError, "can never be decided"),
        (_unknown_check, BookError, r"story_book\.yaml:\d+.*no-"),
        (_broken_yaml, BookError, r"environment\.yaml:\d+"),
        (_ledger_in_a_file, BookError, "production wants postgres"),
    ],
)
def test_documents_that_do_not_fit_are_refused_before_anything_happens(
    papers: Path, spoil: Callable[[Path], None], kind: type[UsageError], why: str
) -> None:
    """Each mistake is named where it is made; no ledger is even opened."""
    assert read(papers)
    spoil(papers)
    with pytest.raises(kind, match=why):
        read(papers)


def test_a_second_launch_is_refused_and_changes_nothing(ledger: Ledger, papers: Path) -> None:
    """While one is under way another one is refused, naming the first, its state and how to end it."""
    store = ledger.open()
    create(store, frozen(papers, launch="first"))
    before = store.read(DIRECTORY)
    said = r"rehearsal-on-loopback is held by first.*`tminus scrub first --reason WHY` ends it"
    with pytest.raises(Refused, match=said):
        create(store, frozen(papers, launch="second"))
    assert store.chains() == [DIRECTORY, "first"]
    assert store.read(DIRECTORY) == before
    Logbook(store, "first").close("rehearsal-on-loopback", ev.LaunchClosed(result="scrubbed", sentence="SCRUBBED."))
    assert create(store, frozen(papers, launch="second")) == "second"


def test_of_several_at_once_one_is_created(ledger: Ledger, papers: Path) -> None:
    """The first launches a ledger ever sees, all at once: one is created, the others are refused."""
    made = [(ledger.open(), frozen(papers, launch=f"launch-{number}")) for number in range(4)]
    created: list[str] = []
    refused: list[str] = []

    def launch(store: Store, one: Frozen) -> None:
        try:
            created.append(create(store, one))
        except Refused as e:
            refused.append(str(e))

    together(*(partial(launch, store, one) for store, one in made))
    assert len(created) == 1
    assert len(refused) == 3
    assert all(f"is held by {created[0]}" in why for why in refused)
    assert under_way(made[0][0]) == created


def test_a_name_that_was_used_is_not_used_again(ledger: Ledger, papers: Path) -> None:
    """Two launches of one second would share a name; the second is refused, and holds nothing."""
    store = ledger.open()
    create(store, frozen(papers))
    Logbook(store, "tradesense-2.0.0-1").close("rehearsal-on-loopback", ev.LaunchClosed(result="no-go", sentence="."))
    with pytest.raises(Refused, match="exists already"):
        create(store, frozen(papers))
    assert store.locked_by("rehearsal-on-loopback") is None
    assert launch_id("tradesense", "2.0.0", datetime(2026, 11, 22, 3, tzinfo=UTC)) == "tradesense-2.0.0-20261122-030000"


def test_the_first_event_cannot_be_replaced(ledger: Ledger, papers: Path) -> None:
    """Whatever is appended later, a launch reads what it froze first."""
    store = ledger.open()
    made = frozen(papers)
    create(store, made)
    other = made.created.model_copy(update={"environment_name": "production"})
    store.append(Entry(made.created.launch, ev.write(other)))
    assert Record.of(store.read(made.created.launch)).created == made.created
