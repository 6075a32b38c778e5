"""What is said between the instance platform and those who ask it: requests and views, as JSON."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Version = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)+$")]
State = Literal["starting", "ready", "not_ready", "stopping", "backing_off", "down"]


class Image(BaseModel):
    """What an instance runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Version
    artifact_digest: Digest
    config_digest: Digest


class Rollout(Image):
    """A pool as it should be: so many instances of one image.

    ``token`` is a fencing token: lower than one seen before for the pool, and the request is refused.
    """

    instances: Annotated[int, Field(ge=1)]
    token: Annotated[int, Field(ge=0)] | None = None

    @property
    def image(self) -> Image:
        """The image alone."""
        return Image(version=self.version, artifact_digest=self.artifact_digest, config_digest=self.config_digest)


class InstanceView(BaseModel):
    """One instance as the platform sees it: what it was asked to run, and whether the process answers /ready."""

    name: str
    address: str
    pid: int | None
    version: str
    artifact_digest: str
    config_digest: str
    state: State
    restarts: int


class PoolView(BaseModel):
    """One pool: the roll-out it follows (null: none), every address it may use, and its instances."""

    pool: str
    rollout: Rollout | None
    last_token: int | None
    addresses: tuple[str, ...]
    instances: tuple[InstanceView, ...]
    applied: bool | None = None


class RolloutRecord(Rollout):
    """One line of ``deployments.jsonl`` (a roll-out) or ``retirements.jsonl`` (a pool emptied), applied at ``time``."""

    time: float
    pool: str
