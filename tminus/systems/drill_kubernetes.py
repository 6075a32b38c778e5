"""What of a Kubernetes cluster a drill may break; where the cluster is, the environment's `kubernetes` says."""

from typing import Annotated

from pydantic import Field

from tminus.credentials import SecretRef
from tminus.systems.drill_links import OutsideClient
from tminus.systems.section import Section

Name = Annotated[str, Field(min_length=1, max_length=253)]


class _InCluster(Section):
    """A part of a cluster.

    Attributes:
        client: who uses what runs there: what this client sees is what is measured.
        token: as whom drills change something there; the token of `kubernetes`, which need only read, where none is.
    """

    client: OutsideClient
    token: SecretRef | None = None


class KubernetesDeployment(_InCluster):
    """A Deployment, of which a drill kills one pod; the token may `get`, `list` and `delete` pods there."""

    namespace: Name
    deployment: Name


class KubernetesNodes(_InCluster):
    """Nodes of which a drill may drain one; the token may `get`, `list`, `patch` nodes, and create `pods/eviction`.

    Attributes:
        label, value: a node that does not have this label, with this value, is never touched.
        namespaces: whose Deployments must all be ready, and whose pods may be evicted; a node that has others is left.
    """

    label: Annotated[str, Field(min_length=1)]
    value: str
    namespaces: Annotated[tuple[Name, ...], Field(min_length=1)]
