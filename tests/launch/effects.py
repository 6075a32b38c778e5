"""How often a launch did what it does, by the systems' own records."""

from collections import Counter
from dataclasses import dataclass

from deployments.rehearsal.pool_protocol import RolloutRecord
from tests.launch.stage import Launched, Stage, read_lines
from tminus import events as ev
from tminus.outcome import Verdict
from tminus.record import Record

ACTIONS = ("restore-point", "roll-out", "switch", "backup-after-launch")


@dataclass(frozen=True)
class Before:
    """What the world's own counters said before a launch."""

    reloads: int
    deployments: int

    @classmethod
    def of(cls, stage: Stage) -> "Before":
        """As they stand now."""
        trading, nginx = stage.estate.trading.address, stage.estate.servers.addresses.nginx
        return cls(nginx.reloads(), len(read_lines(trading.deployments)))


def assert_each_effect_is_there_once(stage: Stage, launched: Launched, before: Before) -> None:
    """By nginx's, the platform's, S3's, the database's and the people's own records, and by the launch's."""
    record = launched.record()
    trading, nginx = stage.estate.trading.address, stage.estate.servers.addresses.nginx
    assert no_step_ended_twice(record) == []
    assert Counter(one.step for one in record.events if isinstance(one, ev.StepIntended)) == dict.fromkeys(ACTIONS, 1)
    deployed = [RolloutRecord.model_validate(line) for line in read_lines(trading.deployments)[before.deployments :]]
    assert [(one.pool, one.version) for one in deployed] == [("green", "2.0.0")]
    assert nginx.reloads() - before.reloads == 1
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
    logs = (stage.estate.folder / "servers" / "postgres" / "primary" / "log").glob("*.json")
    lines = [line for log in logs for line in log.read_text("utf-8").splitlines()]
    return sum("restore point" in line and launched.name in line and "created at" in line for line in lines)
