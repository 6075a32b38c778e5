"""Only what a base backup can hold is written, and only below its folder."""

import io
import tarfile
from pathlib import Path

import pytest

from tasks.backups.base_tar import unpack
from tasks.backups.damage import Damaged
from tminus.errors import CouldNotObserve

ROOM = 1 << 20


def tar(*members: tuple[str, bytes | None, bytes]) -> io.BytesIO:
    """Name, content (None for none), type."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as file:
        for name, content, sort in members:
            one = tarfile.TarInfo(name)
            one.type, one.size, one.linkname = sort, len(content or b""), "/etc/passwd"
            file.addfile(one, io.BytesIO(content or b""))
    into.seek(0)
    return into


def test_files_and_folders_are_written(tmp_path: Path) -> None:
    """For their owner only, whatever the tar says."""
    files = tar(
        ("base", None, tarfile.DIRTYPE), ("base/1", b"x" * 9000, tarfile.REGTYPE), ("./PG_VERSION", b"18\n", b"0")
    )
    assert unpack(files, tmp_path, ROOM) == 9003
    assert (tmp_path / "base/1").read_bytes() == b"x" * 9000
    assert (tmp_path / "PG_VERSION").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "sort"),
    [
        ("../outside", tarfile.REGTYPE),
        ("base/../../outside", tarfile.REGTYPE),
        ("/outside", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("hard", tarfile.LNKTYPE),
        ("device", tarfile.CHRTYPE),
        ("pipe", tarfile.FIFOTYPE),
        ("pg_tblspc/16384", tarfile.SYMTYPE),
        ("x" * 300, tarfile.REGTYPE),
    ],
)
def test_what_leads_elsewhere_is_refused(tmp_path: Path, name: str, sort: bytes) -> None:
    """Nothing of it is written outside."""
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(Damaged):
        unpack(tar((name, b"" if sort != tarfile.REGTYPE else b"x", sort)), inside, ROOM)
    assert list(tmp_path.iterdir()) == [inside]


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    """The second would win."""
    with pytest.raises(Damaged, match="twice"):
        unpack(tar(("a", b"x", b"0"), ("./a", b"y", b"0")), tmp_path, ROOM)


def test_what_needs_more_room_is_not_written(tmp_path: Path) -> None:
    """That says nothing of the backup."""
    with pytest.raises(CouldNotObserve, match="100 bytes"):
        unpack(tar(("a", b"x" * 101, b"0")), tmp_path, 100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, tar(("a", b"x" * 5000, b"0")).getvalue()[:3000]])
def test_what_is_no_tar_or_cut_off_is_damaged(tmp_path: Path, content: bytes) -> None:
    """And no crash."""
    with pytest.raises(Damaged):
        unpack(io.BytesIO(content), tmp_path, ROOM)
