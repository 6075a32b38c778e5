"""Who may do what in the namespace: roles that allow everything, as far as they are bound."""

from collections.abc import Mapping, Sequence
from typing import Literal

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Meta, Name, Part

GROUP = "/apis/rbac.authorization.k8s.io/v1"
_OF_EVERY_ACCOUNT = {"system:serviceaccounts", "system:authenticated"}


class PolicyRule(Part):
    """What a role allows."""

    verbs: Sequence[str] = ()
    resources: Sequence[str] = ()

    @property
    def everything(self) -> bool:
        """Whether it allows every verb on every resource."""
        return "*" in self.verbs and "*" in self.resources


class Role(Part):
    """A Role or a ClusterRole."""

    rules: Sequence[PolicyRule] = ()

    @property
    def everything(self) -> bool:
        """Whether any of its rules allows everything."""
        return any(rule.everything for rule in self.rules)


class RoleRef(Part):
    """Which role a binding gives."""

    kind: Literal["Role", "ClusterRole"]
    name: Name


class Subject(Part):
    """Whom it gives it to."""

    kind: Literal["User", "Group", "ServiceAccount"]
    name: Name
    namespace: str = ""

    def runs_in(self, namespace: str) -> bool:
        """Whether what runs in that namespace is meant: its accounts, or a group of which they all are."""
        if self.kind == "ServiceAccount":
            return self.namespace == namespace
        return self.kind == "Group" and self.name in {*_OF_EVERY_ACCOUNT, f"system:serviceaccounts:{namespace}"}


class Binding(Part):
    """A RoleBinding or a ClusterRoleBinding."""

    metadata: Meta
    role_ref: RoleRef
    subjects: Sequence[Subject] = ()


async def wildcards(cluster: Cluster) -> Mapping[str, tuple[str, ...]]:
    """Role that allows everything → what binds it: in the namespace, or to its service accounts in the whole cluster.

    Raises CouldNotObserve. A binding without subjects gives nobody anything, and one to a role that does not exist
    gives nothing.
    """
    local = [one for one in await cluster.listed(Binding, GROUP, "rolebindings") if one.subjects]
    wide = await cluster.listed_everywhere(Binding, GROUP, "clusterrolebindings")
    ours = [one for one in wide if any(subject.runs_in(cluster.namespace) for subject in one.subjects)]
    found: dict[str, tuple[str, ...]] = {}
    roles: dict[str, bool] = {}
    for one in (*local, *ours):
        name = f"{one.role_ref.kind} {one.role_ref.name}"
        if name not in roles:
            roles[name] = await _everything(cluster, one.role_ref)
        if roles[name]:
            found[name] = (*found.get(name, ()), one.metadata.name)
    return found


async def _everything(cluster: Cluster, ref: RoleRef) -> bool:
    if ref.kind == "Role":
        role = await cluster.one(Role, GROUP, "roles", ref.name, cluster.namespace)
    else:
        role = await cluster.one(Role, GROUP, "clusterroles", ref.name)
    return role is not None and role.everything
