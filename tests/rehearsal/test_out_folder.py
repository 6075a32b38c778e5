"""A rehearsal leaves its report and logs in a folder of its own, and takes nobody else's away."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from deployments.rehearsal.out_folder import MARK, NotOurs, OutFolder


def listing(folder: Path) -> dict[str, str]:
    """Every file of a folder, with what it holds."""
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def somebodys(tmp_path: Path) -> Path:
    """A folder of somebody's, with logs of theirs."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "mine.log").write_text("precious", "utf-8")
    return tmp_path


def test_somebody_elses_folder_is_refused_before_anything_starts(somebodys: Path) -> None:
    """Exit code 2, what is there, what to do; not a byte of it is changed."""
    before = listing(somebodys)
    ended = CliRunner().invoke(main, ["rehearse", "--out", str(somebodys)])
    assert ended.exit_code == 2
    assert "logs" in ended.stderr
    assert "new or empty" in ended.stderr
    assert listing(somebodys) == before


def test_beginning_refuses_it_too(somebodys: Path) -> None:
    """Also where it was filled in between."""
    before = listing(somebodys)
    with pytest.raises(NotOurs, match="logs"):
        OutFolder(somebodys).begin("none")
    assert listing(somebodys) == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """It is refused, and stays."""
    file = tmp_path / "out"
    file.write_text("precious", "utf-8")
    with pytest.raises(NotOurs, match="no folder"):
        OutFolder(file).refuse_others()
    assert file.read_text("utf-8") == "precious"


@pytest.mark.parametrize("new", [True, False])
def test_a_new_or_empty_folder_is_taken(tmp_path: Path, new: bool) -> None:
    """And marked as a rehearsal's own."""
    out = OutFolder(tmp_path / "out" if new else tmp_path)
    out.refuse_others()
    out.begin("none")
    assert listing(out.path).keys() == {MARK}


def test_an_earlier_rehearsals_leavings_are_replaced(tmp_path: Path) -> None:
    """Its logs, its report and its ending are gone; what else lies there stays."""
    estate, out = tmp_path / "estate", OutFolder(tmp_path / "out")
    (estate / "servers").mkdir(parents=True)
    (estate / "servers" / "nginx.log").write_text("served", "utf-8")
    (estate / "slack.jsonl").write_text("{}", "utf-8")
    out.begin("none")
    with pytest.raises(KeyboardInterrupt), out.logs_of(estate):
        raise KeyboardInterrupt
    (out.path / "report.html").write_text("<html>", "utf-8")
    (out.path / "my-notes.txt").write_text("precious", "utf-8")
    out.tell("none", "launched", "launched", [])
    assert out.as_promised()
    assert listing(out.path).keys() >= {"logs/servers-nginx.log", "logs/slack.jsonl"}
    out.begin("bad-release")
    assert listing(out.path).keys() == {MARK, "my-notes.txt"}
    assert not out.as_promised()


def test_only_a_promise_that_was_kept_counts(tmp_path: Path) -> None:
    """Not a folder that is not there, nor a rehearsal that never ended, nor one that ended otherwise."""
    out = OutFolder(tmp_path / "out")
    assert not out.as_promised()
    out.begin("none")
    assert not out.as_promised()
    out.tell("none", "launched", "held", ["result: promised launched, found held"])
    assert not out.as_promised()


def test_a_rehearsal_of_another_kind_replaces_nothing(tmp_path: Path) -> None:
    """A launch's report outlives a checklist's, each checklist the other's, and all the next launch."""
    out = OutFolder(tmp_path / "out")
    out.begin("none")
    (out.path / "report.html").write_text("launch", "utf-8")
    out.tell("none", "launched", "launched", [])
    for system in ("vatic", "tradesense"):
        kept = out.begin_beside(f"readiness-{system}")
        (kept.path / "readiness.html").write_text(system, "utf-8")
    assert out.as_promised()
    assert listing(out.path)["report.html"] == "launch"
    out.begin("none")
    assert listing(out.path).keys() >= {"readiness-vatic/readiness.html", "readiness-tradesense/readiness.html"}
    assert not (out.begin_beside("readiness-vatic").path / "readiness.html").exists()


def test_a_checklist_alone_leaves_a_folder_that_a_launch_may_use(tmp_path: Path) -> None:
    """What holds a readiness rehearsal is a rehearsal's own, also before any launch."""
    out = OutFolder(tmp_path / "out")
    out.begin_beside("readiness-vatic")
    out.refuse_others()
    assert not out.as_promised()


def test_somebody_elses_folder_beside_is_refused(somebodys: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The outer one and the inner one, and nothing is changed."""
    before = listing(somebodys)
    with pytest.raises(NotOurs):
        OutFolder(somebodys).begin_beside("readiness-vatic")
    assert listing(somebodys) == before
    out = OutFolder(tmp_path_factory.mktemp("out"))
    out.begin("none")
    (out.path / "readiness-vatic").mkdir()
    (out.path / "readiness-vatic" / "mine.txt").write_text("precious", "utf-8")
    with pytest.raises(NotOurs, match=r"mine\.txt"):
        out.beside("readiness-vatic")
