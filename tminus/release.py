"""What is launched: one artifact and configuration a service, by digest, and where to go back to."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from tminus.errors import BookError
from tminus.yaml_source import Source

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class Build(BaseModel, frozen=True, extra="forbid"):
    """One version of one service, by the digests its instances must report."""

    version: str
    artifact: Digest
    config: Digest


class ReleasedService(Build):
    """A service in this release, and the build that a rollback goes back to."""

    rollback_to: Build


class CommitRange(
    BaseModel, frozen=True, extra="forbid", json_schema_extra={"required": ["repository", "since", "until", "authors"]}
):
    """The commits between the running version and this one.

    Attributes:
        authors: the addresses of who wrote them, as `git log --format=%ae SINCE..UNTIL | sort -u` lists them; whoever
            in people.yaml has one of them does not approve this release. A file must have it, be it empty: see
            `load_release`. None only in a launch that was created when it could be left out.
    """

    repository: str
    since: str
    until: str
    authors: tuple[str, ...] | None = None


class ScanReport(BaseModel, frozen=True, extra="forbid"):
    """A vulnerability report made for this release.

    Attributes:
        made_at: when the scan ended; for a report that does not say it itself, as pip-audit's and npm's do not.
    """

    tool: Literal["pip-audit", "npm-audit", "sarif"]
    path: PurePosixPath
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    made_at: AwareDatetime | None = None


class Release(BaseModel, frozen=True, extra="forbid"):
    """release.yaml. Two releases are the same exactly when their digests are."""

    release: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    system: str
    ticket: str
    services: dict[str, ReleasedService] = Field(min_length=1)
    commits: CommitRange | None = None
    migrations: tuple[str, ...] = ()
    scans: tuple[ScanReport, ...] = ()

    @model_validator(mode="after")
    def _goes_somewhere(self) -> "Release":
        for name, service in self.services.items():
            if (service.artifact, service.config) == (service.rollback_to.artifact, service.rollback_to.config):
                raise ValueError(f"service {name}: the rollback target is the release itself, so there is no way back")
        return self


def authors_of(release: Release) -> tuple[str, ...]:
    """The addresses of who wrote the release's commits, as far as it names them."""
    return (release.commits.authors or ()) if release.commits else ()


def load_release(source: Source) -> Release:
    """A release as a file must have it; raises BookError, also where nobody says who wrote its commits."""
    found = source.load(Release)
    if found.commits is not None and found.commits.authors is None:
        how = f"`git log --format=%ae {found.commits.since}..{found.commits.until} | sort -u` lists them"
        what = f"`authors` is missing, so nobody would be barred from approving their own commits; {how}"
        raise BookError((source.mistake(("commits",), "commits", f"{what}; `[]` where there are none"),))
    return found


def no_release(system: str) -> Release:
    """What stands for the release where a system is looked at and none is launched: it has no service and no report."""
    return Release.model_construct(release="none", system=system, ticket="", services={}, scans=())
