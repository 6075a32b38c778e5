"""Storage: the classes that volumes are made from, the namespace's claims, and what becomes of their volumes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Name, Part, Thing

_CORE = "/api/v1"
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


class StorageClass(Thing):
    """A storage class.

    `parameters` belong to the driver: EBS, EFS and others say `encrypted`, some drivers `encryption`.
    """

    provisioner: str
    parameters: Mapping[str, str] = Field(default_factory=dict)
    allow_volume_expansion: bool = False

    @property
    def default(self) -> bool:
        """Whether claims that name no class get this one."""
        return any(self.metadata.annotations.get(key) == "true" for key in _DEFAULT)

    @property
    def encrypted(self) -> bool:
        """Whether it says itself that its volumes are encrypted; what the account does by default is not seen here."""
        return any(self.parameters.get(key, "").lower() == "true" for key in ("encrypted", "encryption"))


class ClaimSpec(Part):
    """What is claimed."""

    storage_class_name: Annotated[str, Field(max_length=253)] = ""
    volume_name: str = ""


class ClaimStatus(Part):
    """Whether it was got."""

    phase: Literal["Pending", "Bound", "Lost"] = "Pending"


class Claim(Thing):
    """A claim to a volume."""

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()

    @property
    def bound(self) -> bool:
        """Whether it has its volume, and keeps it; one that is deleted lasts only as long as a pod uses it."""
        return self.status.phase == "Bound" and not self.terminating

    @property
    def state(self) -> str:
        """Its phase, or that it is being deleted."""
        return "being deleted" if self.terminating else self.status.phase


class ClaimReference(Part):
    """Whose a volume is."""

    namespace: str = ""
    name: Name


class VolumeSpec(Part):
    """What becomes of a volume when its claim is deleted; Kubernetes' default for one made by hand is Retain."""

    persistent_volume_reclaim_policy: Literal["Retain", "Delete", "Recycle"] = "Retain"
    claim_ref: ClaimReference | None = None


class Volume(Thing):
    """A persistent volume."""

    spec: VolumeSpec


@dataclass(frozen=True)
class Storage:
    """What the cluster offers, and what the namespace has of it.

    Attributes:
        volumes: by name; empty where nobody asked for them.
    """

    classes: Sequence[StorageClass]
    claims: Sequence[Claim]
    volumes: Mapping[str, Volume]

    @property
    def default(self) -> str:
        """The class of claims that name none; "none" where there is no such class.

        Of several the youngest counts: https://kubernetes.io/docs/concepts/storage/storage-classes/#default-storageclass.
        """
        marked = [one for one in self.classes if one.default]
        return max(marked, key=lambda one: one.metadata.creation_timestamp).name if marked else "none"

    def kept(self, claim: Claim) -> bool:
        """Whether a claim's data outlives it: it has a volume, and that is retained."""
        volume = self.volumes.get(claim.spec.volume_name)
        if volume is None or volume.terminating or not claim.bound:
            return False
        return volume.spec.persistent_volume_reclaim_policy == "Retain"


async def storage(cluster: Cluster, *, volumes: bool) -> Storage:
    """Reads it; raises CouldNotObserve. Volumes belong to no namespace, so a token may be kept from them."""
    classes = await cluster.listed_everywhere(StorageClass, "/apis/storage.k8s.io/v1", "storageclasses")
    claims = await cluster.listed(Claim, _CORE, "persistentvolumeclaims")
    found = await cluster.listed_everywhere(Volume, _CORE, "persistentvolumes") if volumes else ()
    return Storage(classes, claims, {one.name: one for one in found})
