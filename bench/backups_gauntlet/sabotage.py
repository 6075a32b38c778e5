"""Mechanisms of tminus' own that can be switched off in this process; their damages must then get through."""

from collections.abc import Callable, Mapping

from flows import looking_at_backup
from tasks.backup_store import BackupStore
from tasks.backups import base_fetch, stored_file, verify_objects, verify_redis
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


def _replace(module: object, name: str, by: object) -> None:
    """Raises AttributeError where nothing is called that any more: to switch off nothing would prove nothing."""
    getattr(module, name)
    setattr(module, name, by)


def _contents() -> None:
    """What is restored is not held against what was counted as it was taken."""
    for name in ("schema_differences", "table_differences", "sequence_differences", "lost_constraints"):
        _replace(differences, name, lambda *_, **__: [])
    _replace(verify_redis, "redis_differences", lambda *_, **__: {})
    _replace(verify_objects, "list_differences", lambda *_, **__: [])


def _restored() -> None:
    """Nothing that is seen of the restored data counts."""
    whole = aspects.expected

    def blind(kind: str, store: Store) -> dict[str, Expectation]:
        return {name: one for name, one in whole(kind, store).items() if name in _BEFORE}

    _replace(judging, "expected", blind)


def _anchor() -> None:
    """Whatever manifest lies there is believed."""

    def trusting(bucket: BackupStore, listed: Listed, *_: object) -> ReadManifest:
        text = bucket.text(str(listed.manifest), 1 << 26) or b""
        return ReadManifest("recorded", "", BackupManifest.read(str(listed.manifest), text))

    _replace(looking_at_backup, "read_manifest", trusting)


def _files() -> None:
    """Neither S3's word nor a file's hash is held against the manifest."""

    def blind(*_: object) -> tuple[Measurement, list[str]]:
        return Measurement.number("files_damaged", 0), []

    _replace(looking_at_backup, "damaged_files", blind)
    for module in (stored_file, base_fetch):
        _replace(module, "difference", lambda *_: "")


SABOTAGES: Mapping[str, Callable[[], None]] = {
    "contents": _contents,
    "restored": _restored,
    "anchor": _anchor,
    "files": _files,
}
