"""The kinds of file that tminus reads, told apart by what stands in them."""

from collections.abc import Mapping

from pydantic import BaseModel

from tminus.backups.book import BackupBook
from tminus.drills.book import DrillsBook
from tminus.environment import Environment
from tminus.errors import BookError
from tminus.people import People
from tminus.readiness.book import Chapter
from tminus.release import Release
from tminus.rotations.book import SecretsBook
from tminus.runbook import Runbook
from tminus.yaml_source import Source

FILE_KINDS: Mapping[str, type[BaseModel]] = {
    "runbook": Runbook,
    "release": Release,
    "people": People,
    "environment": Environment,
    "readiness": Chapter,
    "backups": BackupBook,
    "secrets": SecretsBook,
    "drills": DrillsBook,
}
"""Kind → model. Each is named by the key that stands at the top of such a file."""


def kind_of(source: Source) -> str:
    """Which kind of file this is: the one it has most keys in common with.

    Raises BookError where it has nothing in common with any.
    """
    keys = set(source.data) if isinstance(source.data, dict) else set()
    if "readiness" in keys:
        return "readiness"  # it has more keys in common with a runbook
    for kind in ("backups", "drills"):
        if kind in keys and "environment" not in keys:
            return kind  # an environment has a section of that name
    shared = {kind: len(keys & set(model.model_fields)) for kind, model in FILE_KINDS.items()}
    likeliest = max(shared, key=lambda kind: shared[kind])
    if shared[likeliest] == 0:
        expected = ", ".join(f"`{kind}:`" for kind in FILE_KINDS)
        raise BookError((source.mistake((), "", f"is no file of a launch: none of {expected} stands at its top"),))
    return likeliest
