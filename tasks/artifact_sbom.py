"""A software bill of materials: CycloneDX or SPDX, as JSON."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field, RootModel

from tasks.artifact_ages import Stamp, read_time, stamp
from tasks.artifact_files import ArtifactFile


class _Part(BaseModel):
    name: str
    version: str | None = Field(alias="version", default=None)
    version_info: str | None = Field(alias="versionInfo", default=None)


class _Metadata(BaseModel):
    timestamp: str = ""


class _CycloneDx(BaseModel):
    format: Literal["CycloneDX"] = Field(alias="bomFormat")
    parts: list[_Part] = Field(alias="components", default=[])
    metadata: _Metadata = _Metadata()

    @property
    def said(self) -> str:
        return self.metadata.timestamp


class _Creation(BaseModel):
    created: str = ""


class _Spdx(BaseModel):
    version: str = Field(alias="spdxVersion", pattern=r"^SPDX-2\.\d$")
    parts: list[_Part] = Field(alias="packages", default=[])
    creation: _Creation = Field(alias="creationInfo", default=_Creation())

    @property
    def said(self) -> str:
        return self.creation.created


_Either = RootModel[_CycloneDx | _Spdx]


@dataclass(frozen=True, slots=True)
class Bill:
    """What one bill says: its components, how many of them with a version, and when it was made."""

    components: int
    versioned: int
    made: Stamp


def read(file: ArtifactFile) -> Bill:
    """What a bill says; raises CouldNotObserve where it is neither CycloneDX nor SPDX 2."""
    bill = file.parsed(_Either, "a CycloneDX or SPDX bill of materials").root
    versioned = sum(bool(part.version or part.version_info) for part in bill.parts)
    return Bill(len(bill.parts), versioned, stamp(file, read_time(bill.said)))
