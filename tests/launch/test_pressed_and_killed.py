"""Every button of Prefect's pressed, its conductor killed -9 three times: the launch goes on and does nothing twice."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from deployments.rehearsal.fault_file import PlatformFaults, write_faults
from deployments.rehearsal.pool_protocol import RolloutRecord
from tests.launch.prefect_buttons import GATE, buttons_of, press_all
from tests.launch.stage import Launched, Stage, read_lines, wait_for
from tminus import events as ev
from tminus.outcome import Verdict
from tminus.record import Record

ACTIONS = ("restore-point", "roll-out", "switch", "backup-after-launch")
HELD_OPEN = 3.0  # seconds that an instance of the new version takes to start


def kill_conductor(launched: Launched, when: Callable[[Record], bool], what: str) -> None:
    """Waits for the moment, kills whoever conducts, and waits until another process does."""
    wait_for(lambda: when(launched.record()) or launched.process.poll() is not None, what, 90)
    pid, token = launched.conductor(), launched.token()
    assert pid, f"nobody conducts when {what}"
    os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: launched.token() > token and launched.conductor() not in {0, pid}, f"somebody else conducts: {what}"
    )


def under_way(record: Record, step: str) -> bool:
    """Whether a step was begun and has not ended."""
    state = record.step(step)
    return state.intended is not None and state.outcome is None


def asked(record: Record, step: str) -> bool:
    """Whether people are being asked."""
    return any(ask.opened.step == step and ask.ended is None for ask in record.asks.values())


def sampled(record: Record) -> bool:
    """Whether the watch has written some of what it saw, and has not decided."""
    return len(record.samples) > 0 and record.watch_decided is None


def test_it_goes_through(fresh_stage: Stage, tmp_path: Path) -> None:
    """Resume, Suspend, Cancel, a kill at the go/no-go; kills in the roll-out and the watch: GO, each effect once."""
    stage = fresh_stage
    trading, nginx = stage.estate.trading.address, stage.estate.servers.addresses.nginx
    reloads = nginx.reloads()
    rolled_out = len(read_lines(trading.deployments))
    write_faults(trading.faults, {}, PlatformFaults(start_delay=HELD_OPEN))
    with stage.launch(tmp_path / "report") as launched, buttons_of(stage, launched) as buttons:
        wait_for(lambda: "T-1h" in launched.record().phases_ended, "the first phase is over")
        with stage.people_look_away():
            press_all(buttons)
            kill_conductor(launched, lambda record: asked(record, "go-no-go"), "the go/no-go is pending")
        kill_conductor(
            launched,
            lambda record: under_way(record, "roll-out") and len(read_lines(trading.deployments)) > rolled_out,
            "the roll-out is under way",
        )
        kill_conductor(launched, sampled, "the watch samples")
        assert launched.end() == 0, launched.said
        record = launched.record()
    assert len([one for one in record.events if isinstance(one, ev.AskOpened) and one.ask == GATE]) == 1
    assert launched.said[-1].startswith("GO "), launched.said[-1]
    assert no_step_ended_twice(record) == []
    assert Counter(one.step for one in record.events if isinstance(one, ev.StepIntended)) == dict.fromkeys(ACTIONS, 1)
    assert len({one.holder for one in record.events if isinstance(one, ev.PhaseStarted)}) >= 4
    deployed = [RolloutRecord.model_validate(line) for line in read_lines(trading.deployments)[rolled_out:]]
    assert [(one.pool, one.version) for one in deployed] == [("green", "2.0.0")]
    assert nginx.reloads() - reloads == 1
    assert versions_in_turn(stage, record) == ["1.9.0", "2.0.0"]
    assert pressed_twice(stage, launched) == []
    assert backups(stage, launched) == ["post-launch", "restore-point"]
    assert restore_points(stage, launched) == 1


def no_step_ended_twice(record: Record) -> list[str]:
    """Steps that came to a final outcome more than once, other than to be observed again for the decision."""
    ends = [one for one in record.events if isinstance(one, ev.StepEnded) and not one.again]
    final = Counter(one.step for one in ends if one.outcome.verdict in {Verdict.PASS, Verdict.WAIVED})
    return [step for step, count in final.items() if count > 1]


def versions_in_turn(stage: Stage, record: Record) -> list[str]:
    """Which versions customers met since the launch was created, each when it took over, by nginx's own log."""
    created = record.created
    assert created is not None
    lines = read_lines(stage.estate.servers.addresses.nginx.access_log)
    seen = [str(line["version"]) for line in lines if float(str(line["time"])) > created.at.timestamp()]
    turns = [one for one, before in zip(seen, ["", *seen], strict=False) if one and one != before]
    # Requests under way at the switch end in any order, so the two may alternate there for a moment.
    return list(dict.fromkeys(turns))


def pressed_twice(stage: Stage, launched: Launched) -> list[str]:
    """Who answered the same question twice, by the people's own journal."""
    lines = read_lines(stage.estate.folder / "people.jsonl")
    mine = [line for line in lines if str(line["request"]).startswith(launched.name) and line["result"] == "HTTP 200"]
    return [str(key) for key, count in Counter((line["person"], line["request"]) for line in mine).items() if count > 1]


def backups(stage: Stage, launched: Launched) -> list[str]:
    """The purposes of this launch's backups, by what lies in S3."""
    listed = stage.s3().list_objects_v2(
        Bucket=stage.estate.servers.addresses.aws.bucket, Prefix=f"backups/main/{launched.name}/"
    )
    keys = [one["Key"].rsplit("/", 1)[-1] for one in listed.get("Contents", [])]
    return sorted(key.removesuffix(".manifest.json") for key in keys if key.endswith(".manifest.json"))


def restore_points(stage: Stage, launched: Launched) -> int:
    """How many restore points of this launch the database made, by its own log."""
    log = (stage.estate.folder / "servers" / "postgres" / "primary.log").read_text("utf-8")
    return sum("restore point" in line and launched.name in line and "created at" in line for line in log.splitlines())
