"""`tminus launch`: nothing is created that cannot go on, and what is created is said at once."""

import pytest

from tests.cli.launch_desk import SECRET, Deployed, Desk, chains, refused, use_prefect
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry
from tminus.release import Release, authors_of
from tminus.yaml_source import Source


def test_no_prefect(desk: Desk) -> None:
    """Nothing is created that nobody would conduct."""
    desk.reaches_prefect = True
    said = refused(desk.launch())
    assert "Prefect at http://127.0.0.1:" in said
    assert chains(desk) == []


@pytest.mark.long
def test_something_else_where_prefect_should_be(desk: Desk, prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own page, without /api: said, and nothing is created."""
    use_prefect(desk, prefect_api)
    monkeypatch.setattr(Deployed, "instead", b"<html></html>")
    said = refused(desk.launch())
    assert "is no API of Prefect's" in said
    assert "/api?" in said
    assert chains(desk) == []


def test_a_second_launch_while_one_is_under_way(desk: Desk, prefect_api: str) -> None:
    """It is refused by the name of the first, which stays as it was."""
    use_prefect(desk, prefect_api)
    store = SqliteStore(desk.ledger)
    heads = store.open_locked("rehearsal-on-loopback", "the-first-launch", Entry("the-first-launch", "{}"))
    store.close()
    said = refused(desk.launch())
    assert "the-first-launch" in said
    store = SqliteStore(desk.ledger)
    assert (store.chains(), store.head("the-first-launch")) == (["the-first-launch"], heads[-1])
    store.close()


def test_a_strangers_key(desk: Desk) -> None:
    """A mistake of whoever asks, like any other: 3 would say that a launch ended."""
    people = desk.path("people").read_text("utf-8")
    desk.path("people").write_text("\n".join(line for line in people.splitlines() if "key:" not in line), "utf-8")
    assert "key" in refused(desk.launch())
    assert chains(desk) == []


@pytest.mark.parametrize(
    ("place", "why"),
    [("a-file", "a-file is no folder"), ("a-file/report", "a-file is no folder"), ("long" * 100, "File name too long")],
)
def test_a_report_that_could_not_be_written(desk: Desk, place: str, why: str) -> None:
    """It is said before anything is created, not when the launch is over."""
    (desk.folder / "a-file").touch()
    assert why in refused(desk.launch("+2h", "--report", str(desk.folder / place)))
    assert chains(desk) == []


@pytest.mark.parametrize(
    ("with_it", "said"),
    [("--detach", "`tminus report LAUNCH --out FOLDER` writes it later"), ("--dry-run", "leave out")],
)
def test_a_report_that_nobody_would_write(desk: Desk, with_it: str, said: str) -> None:
    """Nobody waits for the launch's end, or there is no launch: said before anything is created."""
    assert said in refused(desk.launch("+2h", "--report", str(desk.folder / "report"), with_it))
    assert chains(desk) == []
    assert not (desk.folder / "report").exists()


@pytest.mark.long
def test_a_prefect_that_fails_once_the_launch_exists(desk: Desk, prefect_api: str) -> None:
    """The fake answers questions and takes no runs: the id is said, what follows by itself, and how to end it."""
    use_prefect(desk, prefect_api)
    ended = desk.launch()
    (launch,) = [chain for chain in chains(desk) if chain.startswith("tradesense-")][:1]
    assert ended.code == 1
    assert ended.stdout.startswith(f"{launch} is created; T-0 is ")
    (said,) = ended.stderr.strip().splitlines()
    assert "not all of its phases are scheduled" in said
    assert f"`tminus scrub {launch} --reason WHY` ends it" in said


def test_a_dry_run_names_the_secrets_that_cannot_be_read_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By reference, before anything is looked at; one that is there is not named, and no value ever."""
    for name in ("TRADING_DSN", "TRADING_REDIS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAFANA_TOKEN", SECRET)
    said = desk.launch("+2h", "--dry-run").stdout
    assert [line.split()[3] for line in said.splitlines() if line.startswith("missing  ")] == [
        "env:TRADING_DSN",
        "env:TRADING_REDIS",
    ]
    assert SECRET not in said


def test_commits_whose_authors_are_not_named_are_refused(desk: Desk) -> None:
    """Nobody would be barred from approving their own."""
    desk.change("release", "  authors: []\n", "")
    said = refused(desk.launch())
    assert "`authors` is missing" in said
    assert not desk.ledger.exists()


@pytest.mark.long
def test_an_author_whom_nobody_in_people_yaml_is_gets_a_warning(desk: Desk) -> None:
    """It goes on, here as far as to a Prefect that is not there."""
    desk.change("release", "  authors: []\n", "  authors: [stranger@example.com]\n")
    warning, _why = desk.launch().stderr.strip().splitlines()
    assert warning.startswith(
        "warning: stranger@example.com wrote a commit of this release and is nobody in people.yaml"
    )


def test_a_launch_from_before_authors_had_to_be_named_is_read_as_ever(desk: Desk) -> None:
    """What a ledger froze then bars nobody."""
    desk.change("release", "  authors: []\n", "")
    frozen = Source.thawed("release", Source.read(desk.path("release")).freeze()).load(Release)
    assert authors_of(frozen) == ()
