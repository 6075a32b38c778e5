"""A launch that goes well, though its conductor is killed -9 once.

What customers, Slack and PagerDuty saw of it, its record, and where no secret turned up.
"""

import json
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Self

import httpx
import pytest

from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.traffic_record import bad_spell, read_answers
from tests.launch.effects import Before, assert_each_effect_is_there_once
from tests.launch.killing import kill_in_the_roll_out, slow_to_start
from tests.launch.stage import TMINUS, Launched, Stage, command_lines, read_lines, wait_for
from tminus import events as ev
from tminus.ledger.chain import link
from tminus.record import Record

_LOOK = 0.05  # seconds between two looks at every process's argv
# Where those keep their data who must know a secret to do their work.
_OWNERS = ("keys", "servers/postgres/primary", "servers/postgres/standby", "servers/redis")


class Onlooker:
    """Somebody else on this machine, who reads every process's argv during the launch."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._stop = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK):
            self.seen.update(command_lines())


class Played:
    """A launch that was played to its end, and everything that is to be looked at afterwards."""

    def __init__(self, stage: Stage, launched: Launched, report: Path, argvs: set[str], before: Before) -> None:
        self.stage = stage
        self.launched = launched
        self.before = before
        self.name = launched.name
        self.code = launched.end()
        self.said = launched.said
        self.record = launched.record()
        self.report = report
        self.argvs = argvs

    @property
    def began(self) -> float:
        """When it was created, in seconds since 1970."""
        assert self.record.created is not None
        return self.record.created.at.timestamp()


@pytest.fixture(scope="module")
def played(fresh_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """One launch; nothing is wrong with what it launches, and its conductor is killed in the roll-out."""
    report, before = tmp_path_factory.mktemp("report"), Before.of(fresh_stage)
    with slow_to_start(fresh_stage), Onlooker() as onlooker, fresh_stage.launch(report) as launched:
        kill_in_the_roll_out(fresh_stage, launched)
        launched.end()
        yield Played(fresh_stage, launched, report, onlooker.seen, before)


def test_it_launches(played: Played) -> None:
    """The launch ends with GO and exit code 0, and the report lies beside it in three forms."""
    assert played.code == 0, played.said
    assert played.said[-1].startswith("GO tradesense 2.0.0 launched"), played.said[-1]
    assert {path.name for path in played.report.iterdir()} >= {"report.html", "report.md", "report.json"}


def test_each_effect_is_there_once(played: Played) -> None:
    """Another process took over in the middle of the roll-out: nothing was deployed, switched or backed up twice."""
    assert_each_effect_is_there_once(played.stage, played.launched, played.before)
    assert len({one.holder for one in played.record.events if isinstance(one, ev.PhaseStarted)}) >= 2


def test_customers_notice_nothing(played: Played) -> None:
    """From its creation to its end nginx answers no request with a 5xx, and the traffic gets every answer."""
    lines = read_lines(played.stage.estate.servers.addresses.nginx.access_log)
    during = [line for line in lines if float(str(line["time"])) >= played.began]
    assert len(during) > 1000
    assert [line for line in during if int(str(line["status"])) >= 500] == []
    answers = [one for one in read_answers(played.stage.estate.trading.address.traffic) if one.time >= played.began]
    assert bad_spell(answers).bad == 0


def test_slack_asks_each_role_with_a_button_of_its_own(played: Played) -> None:
    """The go/no-go message has an Approve and a Reject for each role that must answer, and says the end."""
    calls = read_lines(played.stage.estate.documents.slack_record)
    posted = [call["body"] for call in calls if call["method"] == "chat.postMessage" and call["ok"]]
    asked = [body for body in posted if f"{played.name}/go-no-go:" in json.dumps(body)]
    assert len(asked) == 1
    buttons = {
        (block["block_id"], element["action_id"])
        for block in asked[0]["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }
    roles = quorum(played.record, "go-no-go")
    wanted = {
        (f"{played.name}/go-no-go:{role}", action) for role in roles for action in ("tminus.approve", "tminus.reject")
    }
    assert wanted <= buttons
    assert any(played.said[-1] in str(body["text"]) for body in posted)
    assert [call for call in calls if not call["ok"]] == []


def quorum(record: Record, step: str) -> set[str]:
    """The roles that a question was put to."""
    opened = [one for one in record.events if isinstance(one, ev.AskOpened) and one.step == step]
    assert opened, f"{step} was never asked"
    return set(opened[0].roles)


def test_pagerduty_hears_of_every_change_and_nothing_stays_open(played: Played) -> None:
    """Phase starts, the deploy, the switch and the end arrive as change events; no incident is left open."""
    estate = played.stage.estate
    trust = ssl.create_default_context(cafile=str(estate.documents.certificates / "ca.pem"))
    url = f"https://{HOST}:{estate.ports.pagerduty}/_control"
    incidents = httpx.get(f"{url}/incidents", verify=trust).json()["incidents"]
    mine = [one for one in incidents if played.name in json.dumps(one)]
    assert [one for one in mine if one["status"] != "resolved"] == []
    events = json.dumps(httpx.get(f"{url}/change_events", verify=trust).json())
    for said in ("T-1h began", "T-15m began", "T-0 began", "T+2h began", "roll-out begins", "switch begins", "GO "):
        assert said in events, said


def test_the_record_is_whole_and_anchored_to_its_tail(played: Played) -> None:
    """`tminus ledger verify` agrees with every anchor in S3, up to the last event."""
    verified = played.stage.tminus("ledger", "verify", played.name)
    assert verified.returncode == 0, verified.stderr
    events = len(played.record.events)
    assert f"is whole: {events} events" in verified.stdout
    anchors = int(verified.stdout.partition(" anchors agree")[0].rpartition(" ")[2])
    assert anchors >= len({one.phase for one in played.record.events if isinstance(one, ev.PhaseEnded)})
    assert "the tail is anchored" in verified.stdout or "not anchored outside" in verified.stdout


@pytest.mark.parametrize("careful", [False, True])
def test_a_changed_event_is_found(played: Played, tmp_path: Path, careful: bool) -> None:
    """One word changed in a copy is named by its number; with all later hashes computed anew an anchor finds it."""
    copy = tmp_path / "copy.sqlite"
    changed = tamper(played.stage.estate.documents.ledger, copy, played.name, careful=careful)
    environment = {**played.stage.environment(), "TMINUS_LEDGER": f"sqlite:{copy}"}
    verified = subprocess.run(
        [*TMINUS, "ledger", "verify", played.name],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 1
    assert "is NOT whole" in verified.stderr
    if not careful:
        assert f"event {changed} was changed" in verified.stderr


def tamper(ledger: Path, copy: Path, launch: str, *, careful: bool) -> int:
    """Makes somebody else approve, in a copy; carefully: with every later hash, the head and the directory mended."""
    with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    with closing(sqlite3.connect(copy)) as forged, forged:
        rows = forged.execute("SELECT seq, body, hash FROM event WHERE chain = ? ORDER BY seq", (launch,)).fetchall()
        seq = next(seq for seq, body, _ in rows if '"answered"' in body and "security-lead" in body)
        previous = rows[seq - 2][2]
        for number, body, digest in rows[seq - 1 :]:
            text = body.replace("security-lead", "ceo") if number == seq else body
            previous = link(launch, number, previous, text) if careful else digest
            place = {"chain": launch, "seq": number, "body": text, "hash": previous}
            forged.execute("UPDATE event SET body = :body, hash = :hash WHERE chain = :chain AND seq = :seq", place)
        if careful:
            forged.execute("UPDATE chain SET hash = ? WHERE chain = ?", (previous, launch))
            forged.execute("DELETE FROM event WHERE chain = 'directory'")
            forged.execute("UPDATE chain SET seq = 0, hash = ? WHERE chain = 'directory'", ("0" * 64,))
    return int(seq)


def test_no_secret_turns_up_anywhere(played: Played) -> None:
    """No secret of the estate is in Prefect's database, any log, the ledger, the report, a message or an argv.

    Nor in what Prefect hands to a run's process, a private file, once that run is over.
    """
    handed = played.stage.estate.folder / "servers" / "prefect" / "tmp"
    wait_for(lambda: not list(handed.glob("prefect-workspace-attempt-*")), "every run's process has ended")
    secrets = played.stage.secrets()
    assert len(secrets) > 10
    assert len(played.stage.rotated_values()) == 2
    found = {
        f"{name} in {path.relative_to(folder)}"
        for folder in (played.stage.estate.folder, played.report)
        for path in folder.rglob("*")
        if path.is_file() and not str(path.relative_to(folder)).startswith(_OWNERS)
        for name, value in secrets.items()
        if value.encode() in path.read_bytes()
    }
    found |= {
        f"{name} in argv: {argv[:60]}" for argv in played.argvs for name, value in secrets.items() if value in argv
    }
    assert found == set()


def test_the_search_would_have_found_a_secret(played: Played) -> None:
    """The commands that deploy did print secrets, the files searched are there, and argvs were read while it ran."""
    folder = played.stage.estate.folder
    for name in (
        "ledger.sqlite",
        "servers/prefect/prefect.db",
        "servers/prefect/worker.log",
        "people.log",
        "slack.jsonl",
    ):
        assert (folder / name).stat().st_size > 0, name
    assert any("prefect" in argv for argv in played.argvs)
    assert any("platformctl" in argv for argv in played.argvs)
    recorded = [one.body.replace("\\n", " ") for one in played.record.stored if "printed:" in one.body]
    assert any("printed: *** *** *** *** and a password alone: ***" in body for body in recorded), recorded[-1:]
