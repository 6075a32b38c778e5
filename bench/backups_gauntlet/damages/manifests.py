"""Damage to a backup's manifest, and to what the ledger says of it."""

import json
from datetime import timedelta
from typing import ClassVar

from bench.backups_gauntlet.damage import DUMP, Damage, Mode
from bench.backups_gauntlet.trial import Trial, digest

_MANIFEST = ("manifest",)


class AlteredManifest(Damage):
    """The manifest was altered since, so that it promises less than was counted."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = _MANIFEST

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002 - only an anchor tells it
        """See Damage."""
        text = json.loads(trial.manifest.text())
        for name in ("tables", "databases"):
            if text["contents"].get(name):
                text["contents"][name].popitem()
        if "objects" in text["contents"]:
            text["contents"]["objects"] -= 1
        trial.text = json.dumps(text).encode()


class RespacedManifest(Damage):
    """The manifest was written once more with another spacing: it says the same, and is not the one that was taken."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = _MANIFEST

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        trial.text = json.dumps(json.loads(trial.manifest.text()), indent=1).encode()


class TornManifest(Damage):
    """The manifest ends in its middle."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = _MANIFEST

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        trial.text = trial.manifest.text()[:-200]


class AnotherStoresManifest(Damage):
    """The manifest is another store's; consistently the ledger has its digest under this backup's name."""

    notices: ClassVar[tuple[str, ...]] = _MANIFEST
    plainly: ClassVar[tuple[str, ...]] = _MANIFEST

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        trial.manifest = trial.manifest.model_copy(update={"store": "another"})
        if consistent:
            trial.trust()


class AnotherSystemsManifest(Damage):
    """The manifest is of another system's store of the same name."""

    notices: ClassVar[tuple[str, ...]] = _MANIFEST
    plainly: ClassVar[tuple[str, ...]] = _MANIFEST

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        trial.manifest = trial.manifest.model_copy(update={"system": "elsewhere"})
        if consistent:
            trial.trust()


class YesterdaysManifest(Damage):
    """Yesterday's manifest lies under today's name."""

    notices: ClassVar[tuple[str, ...]] = _MANIFEST
    plainly: ClassVar[tuple[str, ...]] = _MANIFEST

    def do(self, trial: Trial, *, consistent: bool) -> None:
        """See Damage."""
        older = trial.older.manifest
        yesterday = (older.taken_at - timedelta(days=1)).strftime("%Y%m%dT%H%M%SZ")
        trial.text = older.model_copy(update={"backup": f"store-{yesterday}"}).text()
        if consistent:
            anchored = {"manifest_digest": digest(trial.text)}
            trial.recorded[-1] = trial.recorded[-1].model_copy(update=anchored)


class UnrecordedManifest(Damage):
    """The ledger does not know the backup."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = _MANIFEST

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        trial.recorded.clear()


class LostManifest(Damage):
    """The newest backup has no manifest; the one before it is whole."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = ("missing",)

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        trial.earlier(1)
        trial.without_manifest = True


class OnlyUnfinished(Damage):
    """No backup of the store has a manifest: none was ever completed."""

    modes: ClassVar[tuple[Mode, ...]] = ("plain",)
    plainly: ClassVar[tuple[str, ...]] = ("age", "missing")

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        trial.without_manifest = True
        trial.recorded.clear()


class UnknownVersion(Damage):
    """The manifest says that a server of a version wrote it that is not installed here.

    A base backup says so by itself, and that is what counts there.
    """

    modes: ClassVar[tuple[Mode, ...]] = ("consistent",)
    stores: ClassVar[tuple[str, ...]] = (DUMP,)
    notices: ClassVar[tuple[str, ...]] = ("restored",)
    unknown: ClassVar[str] = "no server here can restore it"

    def do(self, trial: Trial, *, consistent: bool) -> None:  # noqa: ARG002
        """See Damage."""
        origin = trial.manifest.origin.model_copy(update={"version": "12.4"})
        trial.manifest = trial.manifest.model_copy(update={"origin": origin})
        trial.trust()
