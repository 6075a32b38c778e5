"""What stands in the files of Chaos Toolkit and beside them: experiments, journals, records; nothing is run."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue, ValidationError
from ruamel.yaml import YAML

from tasks.chaos_experiment import ChaosExperiment
from tasks.chaos_journal import Journal
from tasks.chaos_run import ChaosRun
from tasks.scenarios.chaostoolkit_experiment import ChaosToolkitExperiment
from tasks.scenarios.vocabulary import SCENARIOS
from tminus.drills.book import book_of
from tminus.errors import CouldNotObserve
from tminus.process_identity import Process
from tminus.systems.drills import Drills

PAGE = Path(__file__).parents[3] / "docs" / "drill-chaostoolkit.md"
ENTRY = {"kind": "chaostoolkit.experiment", "title": "Ours", "system": "orders"}


async def test_it_never_begins_without_a_record(tmp_path: Path) -> None:
    """Where whoever starts it is fenced off, or dies, before the last word, Chaos Toolkit is never begun."""
    made = ChaosRun(tmp_path, "run")

    async def fenced() -> None:
        raise CouldNotObserve("another process goes on")

    with pytest.raises(CouldNotObserve, match="another process"):
        await made.start(["touch", str(tmp_path / "begun"), "--"], tmp_path, tmp_path / "x.json", fenced)
    await asyncio.wait_for(made.until_over(), 5)
    assert made.begun
    assert not (tmp_path / "begun").exists()


def test_who_cannot_be_seen_from_here(tmp_path: Path) -> None:
    """A process of another machine neither lives nor is dead; one of before this host's last boot is dead."""
    one, mine = ChaosRun(tmp_path, "run"), Process.of(os.getpid())
    record = tmp_path / "run-process.json"
    host, _, rest = mine.machine.partition(" ")
    record.write_text(mine.model_copy(update={"machine": f"another {rest}"}).model_dump_json(), "utf-8")
    with pytest.raises(CouldNotObserve, match="nobody can tell from here"):
        one.lives()
    record.write_text(mine.model_copy(update={"machine": f"{host} another-boot"}).model_dump_json(), "utf-8")
    assert not one.lives()
    record.write_text(mine.model_dump_json(), "utf-8")
    assert one.lives()
    (tmp_path / "run-ended").touch()
    assert not one.lives()
    (tmp_path / "run-ended").unlink()
    record.write_text("{", "utf-8")
    with pytest.raises(CouldNotObserve, match="cannot be read"):
        one.lives()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, ""),
        ({"status": "failed"}, "status failed"),
        ({"deviated": True}, "deviated"),
        ({"steady_states": {"before": {"steady_state_met": False}}}, "not met before the method"),
        ({"run": [{"activity": {"name": "a"}, "status": "failed"}]}, "'a' failed"),
        ({"run": [{"activity": {"name": "a"}}]}, "'a' interrupted"),
        ({"rollbacks": []}, "0 of 1 rollbacks were run"),
        ({"rollbacks": [{"activity": {"name": "b"}, "status": "failed", "output": "s3cret"}]}, "rollback 'b' failed"),
    ],
)
def test_what_the_journal_says(tmp_path: Path, changed: Mapping[str, JsonValue], why: str) -> None:
    """Every word of it that is not good is told, and nothing that an activity put out."""
    done: JsonValue = {"activity": {"name": "b"}, "status": "succeeded"}
    path = tmp_path / "journal.json"
    path.write_text(json.dumps({"status": "completed", "rollbacks": [done], **changed}), "utf-8")
    journal = Journal.read(path)
    assert journal is not None
    assert why in journal.wrong(1)
    assert bool(journal.wrong(1)) == bool(why)
    assert "s3cret" not in journal.wrong(1)
    path.write_text(path.read_text("utf-8")[:-1], "utf-8")
    assert Journal.read(path) is None


def test_rollbacks_alone() -> None:
    """Neither a hypothesis nor a method; a `ref` is written out, all else is as it was."""
    text = json.dumps(
        {
            "title": "T",
            "configuration": {"a": "b"},
            "steady-state-hypothesis": {"title": "H", "probes": [{"name": "p"}]},
            "method": [{"name": "m", "type": "action"}],
            "rollbacks": [{"ref": "m"}, {"name": "r"}],
        }
    )
    alone = json.loads(ChaosExperiment.of(Path("x.json"), text.encode()).rollbacks_alone())
    assert alone == {
        "title": "T",
        "configuration": {"a": "b"},
        "method": [],
        "rollbacks": [{"name": "m", "type": "action"}, {"name": "r"}],
    }


@pytest.mark.parametrize("path", ["/etc/x.json", "../x.json", "x.txt"])
def test_where_it_may_lie(path: str) -> None:
    """In the book's folder, and a file that Chaos Toolkit takes."""
    with pytest.raises(ValidationError, match="experiment"):
        ChaosToolkitExperiment.model_validate({**ENTRY, "owner": "o", "rto": "1h", "rpo": "1h", "experiment": path})


def test_the_page() -> None:
    """Its entry and its section are taken."""
    blocks = PAGE.read_text("utf-8").split("```yaml\n")[1:]
    entry, environment = (YAML(typ="safe").load(one.split("```")[0]) for one in blocks)
    book = book_of(SCENARIOS).model_validate({"drills": "house", "title": "H", **entry})
    [one] = book.scenarios.values()
    assert isinstance(one, ChaosToolkitExperiment)
    assert one.system in Drills.model_validate(environment["drills"]).chaostoolkit
