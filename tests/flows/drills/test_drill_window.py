"""A drill's maintenance window: open before anything is broken, ended whoever goes on, never over tminus' own pages."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bench.worlds.estates import known_secrets
from deployments.rehearsal import pagerduty_account, pagerduty_rest
from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from flows import drill_window
from flows.drill_opening import drilling
from flows.drill_window import DrillWindow
from tasks.estate import Estate
from tasks.scenarios.scenario import Clients, Scenario, Site
from tests.tminus.drills.told_drills import NAME, Told, one_drill
from tminus import events as ev
from tminus.drills.course import Course
from tminus.drills.quiet import longest, quiet_said
from tminus.environment import Kind
from tminus.errors import ActionFailed, Refused
from tminus.release import no_release

TOKEN, ROUTING_KEY = "made-up-token", "r" * 32
DOWN, UP = Fault(mode="down"), Fault(mode="none")


@dataclass
class Windowed:
    """A scenario's window in an account, and its diary."""

    told: Told
    window: DrillWindow

    @property
    def events(self) -> list[ev.Event]:
        """What was written down."""
        return [ev.read(one.body) for one in self.told.store.read(self.told.opened.chain(NAME))]


class Stuck(Scenario, frozen=True):
    """A scenario whose undoing fails; nothing else of it is asked for."""

    async def undo(self, site: Site) -> str:
        """See Scenario."""
        raise ActionFailed(f"{site.drill} stays broken")

    async def _never(self, _: Site) -> str:
        raise AssertionError

    async def _nothing(self, _: Site) -> Mapping[str, str]:
        raise AssertionError

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        raise AssertionError(estate)

    inject = detect = recover = verify = _never
    steady = plan = _nothing


@pytest.fixture
def account() -> PagerDutyStandIn:
    """An account with the launches' service and two others."""
    directory = pagerduty_account.Directory.model_validate(
        {
            "users": [{"id": "PBOT01", "name": "tminus", "email": "tminus@example.com"}],
            "services": [{"id": "PDATABASE", "name": "Database"}, {"id": "PCACHE", "name": "Cache"}],
        }
    )
    return PagerDutyStandIn(SecretStr(ROUTING_KEY), SecretStr(TOKEN), directory)


@pytest.fixture
def url(account: PagerDutyStandIn) -> Iterator[str]:
    """Its address."""
    secrets = {"PAGERDUTY_TOKEN": TOKEN, "PAGERDUTY_KEY": ROUTING_KEY}
    with served(account.app()) as found, known_secrets(secrets):
        yield found


Begun = Callable[..., Windowed]


@pytest.fixture
async def begun(url: str, tmp_path: Path) -> AsyncIterator[Begun]:
    """Begins a process that holds the scenario; the one before it is dead."""
    async with AsyncExitStack() as ending:

        def begin(*, rest: bool = True, services: tuple[str, ...] = ("PDATABASE",), **changed: object) -> Windowed:
            drills = {
                "patience": "100s",
                **({"without_window": changed.pop("without")} if "without" in changed else {}),
            }
            section = {"token": "env:PAGERDUTY_TOKEN", "from_email": "tminus@example.com", "api": url}
            pagerduty = {"events": url, "routing_key": "env:PAGERDUTY_KEY"}
            pagerduty |= {"rest": {**section, "service": "PSERVICE"}} if rest else {}  # type: ignore[dict-item]  # YAML
            told = Told.begin(tmp_path, {"pagerduty": pagerduty, "drills": drills, **changed}, Stuck, quiet=services)
            ending.enter_context(closing(told.store))
            estate = Estate(told.opened.environment, no_release("house"), told.opened.chain(NAME), tmp_path)
            ending.push_async_exit(estate)
            return Windowed(told, DrillWindow(told.opened.book.scenarios[NAME], told.diary, estate))

        yield begin


def free(told: Told) -> None:
    """Whoever held the scenario is dead."""
    told.store.run("UPDATE chain SET lease_until = 0", {})


def still_open(account: PagerDutyStandIn) -> list[list[str]]:
    """The services of the windows that go on."""
    return [list(one.services) for one in account.account.windows if one.end > datetime.now(UTC)]


async def test_it_is_written_down_then_opened_then_ended(account: PagerDutyStandIn, begun: Begun) -> None:
    """Over just its services, bounded, and found by a name that holds the scenario's chain."""
    one = begun()
    [notice] = await one.window.open("d0")
    assert isinstance(notice, ev.DrillWindow)
    assert (notice.open, notice.said) == (True, "PDATABASE page nobody until this is over")
    [window] = account.account.windows
    assert list(window.services) == ["PDATABASE"]
    assert window.description.startswith("tminus drill.house.staging.failover drill ")
    opened = one.told.opened
    assert window.end - window.start == longest(opened.book.scenarios[NAME], opened.environment)
    assert window.end - window.start == timedelta(minutes=10, seconds=3), "six times the patience, and the lead-in"
    [opens] = one.events
    assert isinstance(opens, ev.DrillWindowOpens)
    assert (opens.description, opens.over > window.end) == (window.description, True)
    assert await one.window.end() == ""
    assert still_open(account) == []
    assert isinstance(one.events[-1], ev.DrillWindowEnded)
    assert one.told.diary.course.windows == {}


@pytest.mark.parametrize("at", ["before it is asked for", "after it was opened", "after it was ended"])
async def test_killed_there_the_next_one_ends_it(
    account: PagerDutyStandIn, begun: Begun, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Whoever comes next knows of it from the ledger; ended twice is ended."""
    one = begun()
    if at == "before it is asked for":
        account.faults.set(DOWN)
    await one.window.open("d0")
    account.faults.set(UP)
    if at == "after it was ended":
        with monkeypatch.context() as patched:

            async def killed(*_: ev.Event) -> None:
                raise KeyboardInterrupt

            patched.setattr(one.told.diary, "write", killed)
            with pytest.raises(KeyboardInterrupt):
                await one.window.end()
    successor = begun()
    assert len(successor.told.diary.course.windows) == 1
    assert await successor.window.end() == ""
    assert still_open(account) == []
    assert successor.told.diary.course.windows == {}


async def test_another_book_meanwhile_hides_no_window(account: PagerDutyStandIn, begun: Begun) -> None:
    """What is ended is what was opened, whatever the book names by then."""
    await begun().window.open("d0")
    after = begun(services=("PCACHE",))
    await after.window.open("d1")
    assert still_open(account) == [["PDATABASE"], ["PCACHE"]]
    assert await after.window.end() == ""
    assert still_open(account) == []


async def test_its_own_pages_are_never_silenced(account: PagerDutyStandIn, begun: Begun) -> None:
    """Refused before anything is asked for, also where a drill may be played without a window."""
    one = begun(services=("PDATABASE", "PSERVICE"), without="play")
    with pytest.raises(Refused, match=r"its pages wake nobody.*Nothing was broken"):
        await one.window.open("d0")
    assert (account.account.windows, one.events) == ([], [])


async def test_where_none_could_be_opened_it_is_refused(account: PagerDutyStandIn, begun: Begun) -> None:
    """A book that wants it quiet in an environment that cannot be."""
    one = begun(rest=False, without="play")
    with pytest.raises(Refused, match=r"has no pagerduty\.rest"):
        await one.window.open("d0")
    assert account.account.windows == []


@pytest.mark.parametrize("kind", ["staging", "production"])
@pytest.mark.parametrize("said", [None, "play", "refuse"])
async def test_pagerduty_that_does_not_answer(
    account: PagerDutyStandIn, begun: Begun, monkeypatch: pytest.MonkeyPatch, kind: str, said: str | None
) -> None:
    """In production no drill begins, elsewhere one does and says so; unless the environment says otherwise."""
    one = begun(without=said)
    environment = one.told.opened.environment
    monkeypatch.setattr(one.window._estate, "environment", environment.model_copy(update={"kind": Kind(kind)}))
    account.faults.set(DOWN)
    if said == "refuse" or (said is None and kind == "production"):
        with pytest.raises(Refused, match=r"(?s)PDATABASE.*without_window.*Nothing was broken"):
            await one.window.open("d0")
    else:
        [notice] = await one.window.open("d0")
        assert isinstance(notice, ev.DrillWindow)
        assert not notice.open
        assert "PDATABASE may page while this is played" in notice.said
    assert still_open(account) == []


@pytest.mark.parametrize("without", ["play", "refuse"])
async def test_one_that_hangs_is_given_up(
    account: PagerDutyStandIn, begun: Begun, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    """However slowly it answers; what it opened all the same is known, and ended: at once where no drill begins."""
    one = begun(without=without)
    write = one.told.diary.write

    async def write_then_hang(*events: ev.Event) -> None:
        await write(*events)
        if account.faults.mode == "none" and not account.account.windows:
            monkeypatch.setattr(drill_window, "_WITHIN", 1.0)
            account.faults.set(Fault(mode="slow", seconds=0.6, times=2))  # once to look, once to open it

    monkeypatch.setattr(one.told.diary, "write", write_then_hang)
    if without == "refuse":
        with pytest.raises(Refused, match=r"did not answer within 1 s.*Nothing was broken$"):
            await one.window.open("d0")
    else:
        [notice] = await one.window.open("d0")
        assert isinstance(notice, ev.DrillWindow)
        assert (notice.open, "did not answer within 1 s" in notice.said) == (False, True)
        assert still_open(account) == [["PDATABASE"]]
        assert await one.window.end() == ""
    assert len(account.account.windows) == 1
    assert still_open(account) == []


async def test_an_end_that_did_nothing_is_seen(
    account: PagerDutyStandIn, begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PagerDuty takes the request, and the window goes on: it is not called ended."""
    one = begun()
    await one.window.open("d0")
    monkeypatch.setattr(pagerduty_rest, "end_window", lambda *_: None)
    assert "shows it open; end 'tminus drill.house.staging.failover drill " in await one.window.end()
    assert len(one.told.diary.course.windows) == 1


async def test_one_that_cannot_be_ended_is_told_and_ended_later(account: PagerDutyStandIn, begun: Begun) -> None:
    """Which services, until when at the most, and why; the next start ends it."""
    one = begun()
    await one.window.open("d0")
    account.faults.set(DOWN)
    left = await one.window.end()
    [opens] = one.told.diary.course.windows.values()
    assert left.startswith(f"the maintenance window over PDATABASE may be open until {opens.over:%H:%M:%S} UTC (")
    assert still_open(account) == [["PDATABASE"]]
    account.faults.set(UP)
    assert await begun().window.end() == ""
    assert still_open(account) == []


async def test_one_that_is_over_by_itself_needs_no_pagerduty(account: PagerDutyStandIn, begun: Begun) -> None:
    """A window from long ago keeps nobody waiting."""
    one = begun()
    past = datetime.now(UTC) - timedelta(seconds=1)
    await one.told.diary.write(
        ev.DrillWindowOpens(drill="d0", services=("PDATABASE",), description="tminus x", over=past)
    )
    account.faults.set(DOWN)
    assert await one.window.end() == ""
    assert account.record.calls == []


async def test_a_drill_that_is_not_undone_lets_everything_page(account: PagerDutyStandIn, begun: Begun) -> None:
    """A person is needed, and the services that are broken may say so; where PagerDuty is away, the page says that."""
    one = begun()
    began, inject, *_ = one_drill()
    await one.told.diary.write(began, *await one.window.open("d0"), inject)
    for fault, silent, said in ((DOWN, ["PDATABASE"], True), (UP, [], False)):
        account.faults.set(fault)
        free(one.told)
        async with drilling(one.told.store, one.told.opened, NAME, print) as again:
            left = again.diary.course.unproven
            assert left is not None
            ended = await again.undo(left)
        assert (ended.how, "d0 stays broken" in ended.sentence) == ("not undone", True)
        assert ("the maintenance window over PDATABASE may be open until" in ended.sentence) == said
        assert [service for one in still_open(account) for service in one] == silent


async def test_a_window_that_outlived_its_drill_is_ended_by_the_next_start(
    account: PagerDutyStandIn, begun: Begun
) -> None:
    """Whatever is typed of that scenario; one of a drill that is still to be undone stays until it is."""
    one = begun()
    await one.told.diary.write(*one_drill(), *await one.window.open("d1"))
    free(one.told)
    async with drilling(one.told.store, one.told.opened, NAME, print) as again:
        assert still_open(account) == []
        began, *_ = one_drill()
        await again.diary.write(began, *await again.window.open("d0"))
    async with drilling(one.told.store, one.told.opened, NAME, print):
        assert still_open(account) == [["PDATABASE"]]


async def test_a_book_that_names_none_asks_nobody(account: PagerDutyStandIn, begun: Begun) -> None:
    """And is told of by nothing."""
    one = begun(services=())
    assert await one.window.open("d0") == []
    assert await one.window.end() == ""
    assert (account.record.calls, one.events) == ([], [])
    assert quiet_said(one.told.opened.book.scenarios[NAME], one.told.opened.environment) == ""


def test_who_approves_is_told_who_is_silent(begun: Begun) -> None:
    """Which, and for how long at the most."""
    opened = begun().told.opened
    said = quiet_said(opened.book.scenarios[NAME], opened.environment)
    assert said == "Meanwhile PDATABASE page nobody, for 10m 3s at the most."


def test_a_window_belongs_to_no_drill_before_it_begins() -> None:
    """It is opened before: the drill before it keeps what it was."""
    course = Course(one_drill())
    before = course.drills[-1]
    course.take(ev.DrillWindowOpens(drill="d1", services=("P",), description="w", over=datetime.now(UTC)))
    assert (course.drills, course.unproven, list(course.windows)) == ([before], None, ["w"])
    course.take(ev.DrillWindowEnded(drill="d1", description="w"))
    course.take(ev.DrillWindowEnded(drill="d1", description="w"))
    assert course.windows == {}
