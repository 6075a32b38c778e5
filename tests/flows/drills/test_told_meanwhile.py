"""A real drill as PagerDuty and Slack see it: quiet while it is played, one thread, and so after a kill as well."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

from bench.worlds.estates import known_secrets
from deployments.rehearsal import loopback_certificate, pagerduty_account, slack_workspace
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from flows.drill_round import opened_drills
from tests.flows.drills.playing import argv, course, drill, last
from tests.tminus.carrying import shown
from tests.tminus.staged_launch import CHANNEL
from tminus.courier import deliver_due, open_channel
from tminus.outbox import Outbox

NAME = "database-failover"
SECRETS = {"DRILL_REST": "of-the-rest-api", "DRILL_KEY": "k" * 32, "DRILL_SLACK": "xoxb-drill", "DRILL_SIGNS": "signs"}


@dataclass
class Seen:
    """The estate whose drills are told, and what it is told to."""

    estate: DrillEstate
    pagerduty: PagerDutyStandIn
    slack: SlackStandIn

    def quiet(self) -> list[str]:
        """The services of windows that go on."""
        going_on = [one for one in self.pagerduty.account.windows if one.end > datetime.now(UTC)]
        return [service for one in going_on for service in one.services]

    def carry(self) -> None:
        """What the gateway does, once."""
        opened = opened_drills(self.estate.book, self.estate.environment_file)
        with closing(opened.store()) as store:
            for name in ("slack", "pagerduty"):
                channel = open_channel(name, opened.environment)
                assert channel is not None
                deliver_due(Outbox(store), name, channel)
                channel.close()


@pytest.fixture
def seen(estate: DrillEstate, tmp_path: Path) -> Iterator[Seen]:
    """The same servers, with a book that names a service to be quiet, and a ledger of its own."""
    directory = pagerduty_account.Directory.model_validate(
        {
            "users": [{"id": "PBOT01", "name": "tminus", "email": "tminus@example.com"}],
            "services": [{"id": "PDATABASE", "name": "Database"}],
        }
    )
    rest, key, token, _ = map(SecretStr, SECRETS.values())
    pagerduty = PagerDutyStandIn(key, rest, directory)
    slack = SlackStandIn(token, slack_workspace.Directory(users=()))
    with ExitStack() as ending:
        ending.enter_context(known_secrets(SECRETS))
        tls = loopback_certificate.make(tmp_path / "tls")
        pages, posts = ending.enter_context(served(pagerduty.app(), tls)), ending.enter_context(served(slack.app()))
        section = {"token": "env:DRILL_REST", "from_email": "tminus@example.com", "service": "PSERVICE", "api": pages}
        told = copy(estate)
        told.environment_file, told.book = tmp_path / "environment.yaml", tmp_path / "drills.yaml"
        yaml = YAML()
        environment, book = yaml.load(estate.environment_file), yaml.load(estate.book)
        environment["ledger"] = {"sqlite": str(tmp_path / "ledger.sqlite")}
        account = {"events": pages, "routing_key": "env:DRILL_KEY", "ca_file": str(tls.authority)}
        environment["pagerduty"] = {**account, "rest": section}
        environment["slack"] = {
            "api": f"{posts}/api/",
            "channel": CHANNEL,
            "token": "env:DRILL_SLACK",
            "signing_secret": "env:DRILL_SIGNS",
        }
        book["scenarios"][NAME]["quiet"] = ["PDATABASE"]
        yaml.dump(environment, told.environment_file)
        yaml.dump(book, told.book)
        yield Seen(told, pagerduty, slack)


@pytest.mark.long
def test_killed_while_it_is_broken(seen: Seen) -> None:
    """Quiet before it is broken and until it is undone; one message, one sentence each, and two change events."""
    process = subprocess.Popen(argv(seen.estate, NAME), env=seen.estate.seen(), cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not (course(seen.estate, NAME).drills and "inject" in last(seen.estate, NAME).done):
            assert process.poll() is None
            assert time.monotonic() < until
            if course(seen.estate, NAME).drills:
                assert seen.quiet() == ["PDATABASE"], "it was begun before the services were quiet"
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    seen.carry()
    assert seen.quiet() == ["PDATABASE"]
    came = drill(seen.estate, NAME)
    assert came.returncode == 1, came.stdout + came.stderr
    assert seen.quiet() == []
    seen.carry()
    [root] = shown(seen.slack, thread=False)
    assert root.startswith(":leftwards_arrow_with_hook: tradesense: the drill database-failover: ")
    replies = shown(seen.slack, thread=True)
    assert replies[0].startswith("PDATABASE page nobody until this is over")  # late, on a busy machine
    assert replies[-2] == "the maintenance window is over: everything pages again"
    assert len(replies) == len(set(replies))
    assert [one.partition(":")[0] for one in replies if one.startswith(("inject", "undo"))] == ["inject", "undo"]
    assert len(seen.pagerduty.account.change_events) == 2
    assert seen.pagerduty.account.incidents == []


def test_no_window_no_drill_where_it_is_wanted(seen: Seen) -> None:
    """PagerDuty is away: exit 3, nothing was broken, nothing began; and the environment is free."""
    yaml = YAML()
    environment = yaml.load(seen.estate.environment_file)
    environment["drills"]["without_window"] = "refuse"
    yaml.dump(environment, seen.estate.environment_file)
    seen.pagerduty.faults.set(Fault(mode="down"))
    came = drill(seen.estate, NAME)
    assert (came.returncode, "PagerDuty opened no maintenance window over PDATABASE" in came.stderr) == (3, True), came
    assert course(seen.estate, NAME).drills == []
    opened = opened_drills(seen.estate.book, seen.estate.environment_file)
    with closing(opened.store()) as store:
        assert store.locked_by("drills") is None
