"""Mechanisms of tminus' own that can be switched off in this process; their damages must then get through."""

from collections.abc import Callable, Mapping

from flows import looking_at_backup
from tasks.backup_store import BackupStore
from tasks.backups import stored_file, verify_objects, verify_redis
from tasks.backups.catalogue import ReadManifest
from tminus.backups import aspects, differences, judging
from tminus.backups.book import Store
from tminus.backups.catalogue import Listed
from tminus.backups.manifest import BackupManifest
from tminus.expectation import Expectation, Measurement

_BEFORE = frozenset({"age", "missing", "overdue", "shrunk", "manifest", "files_damaged", "readable_without_key"})
_COUNTED = frozenset(
    {"schema_differs", "tables_differ", "sequences_differ", "constraints_broken", "databases_differ", "objects_differ"}
)
SEEN_BY: Mapping[str, frozenset[str]] = {
    "contents": _COUNTED,
    "restored": frozenset(aspects.UNITS) - _BEFORE,
    "anchor": frozenset({"manifest"}),
    "files": frozenset({"files_damaged"}),
}
"""Mechanism → the aspects by which it tells what is wrong."""


def _contents() -> None:
    """What is restored is not held against what was counted as it was taken."""
    for name in ("schema_differences", "table_differences", "sequence_differences", "lost_constraints"):
        setattr(differences, name, lambda *_, **__: [])
    setattr(verify_redis, "redis_differences", lambda *_, **__: {})  # noqa: B010 - mypy would have its signature
    setattr(verify_objects, "list_differences", lambda *_, **__: [])  # noqa: B010


def _restored() -> None:
    """Nothing that is seen of the restored data counts."""
    whole = aspects.expected

    def blind(kind: str, store: Store) -> dict[str, Expectation]:
        return {name: one for name, one in whole(kind, store).items() if name in _BEFORE}

    setattr(judging, "expected", blind)  # noqa: B010


def _anchor() -> None:
    """Whatever manifest lies there is believed."""

    def trusting(bucket: BackupStore, listed: Listed, *_: object) -> ReadManifest:
        text = bucket.text(str(listed.manifest), 1 << 26) or b""
        return ReadManifest("recorded", "", BackupManifest.read(str(listed.manifest), text))

    setattr(looking_at_backup, "read_manifest", trusting)  # noqa: B010


def _files() -> None:
    """Neither S3's word nor a file's hash is held against the manifest."""

    def blind(*_: object) -> tuple[Measurement, list[str]]:
        return Measurement.number("files_damaged", 0), []

    setattr(looking_at_backup, "damaged_files", blind)  # noqa: B010
    setattr(stored_file, "_difference", lambda *_: "")  # noqa: B010


SABOTAGES: Mapping[str, Callable[[], None]] = {
    "contents": _contents,
    "restored": _restored,
    "anchor": _anchor,
    "files": _files,
}
