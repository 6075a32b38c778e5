"""A scratch place is thrown away so that what is left of it, wherever that ends, is still known as ours."""

import shutil
from pathlib import Path

import pytest

from tasks.backups.asked import Scratch
from tasks.backups.scratch import MARKER, make_scratch, remove_scratch
from tminus import events as ev
from tminus.errors import CouldNotObserve

CHAIN = "backups.shop.here"


@pytest.fixture
def planned(tmp_path: Path) -> ev.ScratchPlanned:
    """A place with a restored database, files and a link in it."""
    folder = tmp_path / "tminus-scratch-cache-1"
    make_scratch(Scratch(folder.name, folder, 10**6), CHAIN)
    for name in ("aaa", "zzz"):
        (folder / name).mkdir()
        (folder / name / "rows").write_text("customers")
        (folder / f"{name}.rdb").touch()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (folder / "link").symlink_to(tmp_path / "precious")
    return ev.ScratchPlanned(verification="v", store="cache", scratch=folder.name, folder=str(folder), machine="here")


@pytest.mark.parametrize("stuck", ["aaa", "zzz", MARKER])
def test_what_breaks_off_can_be_taken_up_again(
    planned: ev.ScratchPlanned, monkeypatch: pytest.MonkeyPatch, stuck: str
) -> None:
    """The marker goes last: a place that was removed in part is removed whole by the next."""
    folder = Path(planned.folder)
    rmtree, unlink = shutil.rmtree, Path.unlink

    def breaks(path: Path) -> None:
        if path.name == stuck:
            raise OSError(5, "Input/output error")
        rmtree(path)

    def breaks_too(path: Path, missing_ok: bool = False) -> None:
        if path.name == stuck:
            raise OSError(5, "Input/output error")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as broken:
        broken.setattr(shutil, "rmtree", breaks)
        broken.setattr(Path, "unlink", breaks_too)
        with pytest.raises(CouldNotObserve, match="cannot be removed whole: Input/output error"):
            remove_scratch(planned, CHAIN)
    assert (folder / MARKER).exists()

    assert remove_scratch(planned, CHAIN).how == "gone"
    assert not folder.exists()
    assert (folder.parent / "precious" / "file").exists()


def test_killed_after_the_marker_is_gone(planned: ev.ScratchPlanned) -> None:
    """Nothing else is there then, so nothing can be lost."""
    folder = Path(planned.folder)
    shutil.rmtree(folder)
    folder.mkdir()
    assert remove_scratch(planned, CHAIN).how == "gone"


def test_what_is_still_written_there_is_not_nobodys(
    planned: ev.ScratchPlanned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that was given up, and makes a file while the last is removed, does not keep the place for ever."""
    folder, unlink = Path(planned.folder), Path.unlink

    def writes(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=missing_ok)
        if path.name == MARKER:
            (folder / "late").write_text("customers")

    with monkeypatch.context() as late:
        late.setattr(Path, "unlink", writes)
        with pytest.raises(CouldNotObserve, match="cannot be removed whole: Directory not empty"):
            remove_scratch(planned, CHAIN)
    assert remove_scratch(planned, CHAIN).how == "gone"
    assert not folder.exists()
