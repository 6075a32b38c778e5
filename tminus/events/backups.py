"""What happens to a system's backups: those taken, and how each came out when it was restored to be looked at."""

from typing import Annotated, Literal

from pydantic import Field

from tminus.backups.contents import Marker
from tminus.events.happening import Happening, Time
from tminus.outcome import Outcome

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class BackupTaken(Happening):
    """A backup is in its bucket, with its manifest.

    Attributes:
        store: its name in the book.
        backup: the backup's own name.
        manifest_digest: of the manifest as stored: a manifest with another one is none that tminus wrote.
        size: bytes of its files as stored.
        taken_at: the snapshot's moment.
        marker: the newest mark in it.
        took: seconds from the beginning until its manifest was there.
    """

    type: Literal["backup.taken"] = "backup.taken"
    store: str
    kind: str
    backup: str
    manifest_digest: str
    size: int
    taken_at: Time
    marker: Marker | None = None
    took: Seconds = 0.0


class BackupAnnounced(Happening):
    """A backup's files are in the bucket, and its manifest is about to be stored.

    Whoever is killed after that leaves a backup that nobody recorded: where the manifest is there, a later taking or
    verification records it, by this digest.

    Attributes:
        taken: what is recorded once the manifest is there.
    """

    type: Literal["backup.announced"] = "backup.announced"
    taken: BackupTaken


class VerificationBegan(Happening):
    """A verification of a system's backups began.

    Attributes:
        digests: of the book and the environment.
        stores: which are verified.
        seed: by which older backups are chosen: the chain's last hash, which nobody chose; "" where none are.
    """

    type: Literal["verification.began"] = "verification.began"
    verification: str
    system: str
    environment: str
    digests: dict[str, str]
    stores: tuple[str, ...]
    seed: str = ""


class ScratchPlanned(Happening):
    """A scratch place is about to be made. What is not written here is never thrown away.

    Attributes:
        scratch: its name, which the marker file in it repeats.
        folder: where.
        machine: on which machine.
        cluster: of a CockroachDB's backup, the entry of the environment in which a database of that name is restored.
        backup: where a backup is taken in it, that backup's name; "" where one is restored.
    """

    type: Literal["scratch.planned"] = "scratch.planned"
    verification: str
    store: str
    scratch: str
    folder: str
    machine: str
    cluster: str = ""
    backup: str = ""


class ScratchGone(Happening):
    """A scratch place is no more.

    Attributes:
        how: `destroyed` when what it was for was over, `swept` by a later one, `never made` where there was none.
    """

    type: Literal["scratch.gone"] = "scratch.gone"
    scratch: str
    how: Literal["destroyed", "swept", "never made"]
    ended: tuple[int, ...] = ()
    """Processes of servers that were still running in it."""


class BackupVerified(Happening):
    """One backup was looked at, as far as that went.

    Attributes:
        backup: its name; "" where there was none to look at.
        newest: whether it was the newest of its store; else an older one, chosen by the seed.
        rto_seconds: how long fetching, decrypting and restoring it took.
        rpo_seconds: what was lost: from the newest mark in it to the moment for which it was needed.
        stages: seconds by stage.
        marker: the newest mark that its manifest names.
        still_failed: the store's older backups that failed when they were last looked at, by then, and lie there still.
    """

    type: Literal["backup.verified"] = "backup.verified"
    verification: str
    store: str
    kind: str
    backup: str
    manifest_digest: str = ""
    newest: bool = True
    outcome: Outcome
    rto_seconds: Seconds | None = None
    rpo_seconds: float | None = None
    stages: dict[str, Seconds] = Field(default_factory=dict)
    marker: Marker | None = None
    still_failed: tuple[str, ...] = ()


class StoresCompared(Happening):
    """Restored stores were held against each other, as far as that went.

    Attributes:
        group: its name in the book.
        stores: which.
        mark: the newest mark that all of them hold: the point to which all can be brought; None where one has none.
    """

    type: Literal["stores.compared"] = "stores.compared"
    verification: str
    group: str
    stores: tuple[str, ...]
    mark: Marker | None = None
    outcome: Outcome


class VerificationEnded(Happening):
    """A verification ended.

    Attributes:
        counts: verdict → how many backups, and groups of stores that were compared, came out so.
        common_mark: the newest mark that is in the newest backup of every store: all can be brought to it.
        broke_off: whether its process died before, which a later one wrote down, or it made way for a restore.
    """

    type: Literal["verification.ended"] = "verification.ended"
    verification: str
    counts: dict[str, int]
    common_mark: Marker | None = None
    broke_off: bool = False
    sentence: str
