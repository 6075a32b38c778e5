"""Who may do what in the namespace: roles that allow everything, as far as they are bound."""

from collections.abc import Mapping, Sequence
from typing import Literal

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Meta, Name, Part

GROUP = "/apis/rbac.authorization.k8s.io/v1"
_OF_EVERY_ACCOUNT = {"system:serviceaccounts", "system:authenticated", "system:unauthenticated"}
_BY_NAME = "system:serviceaccount:"  # how an account is called where it is named as a user
_ANONYMOUS = "system:anonymous"
_RBAC = "rbac.authorization.k8s.io"

# Verb → the group and the resources on which it gives whoever has it the rights of others:
# https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks.
_TAKES: Mapping[str, tuple[str, frozenset[str]]] = {
    "escalate": (_RBAC, frozenset({"roles", "clusterroles"})),
    "bind": (_RBAC, frozenset({"roles", "clusterroles"})),
    "impersonate": ("", frozenset({"users", "groups"})),
}


class PolicyRule(Part):
    """What a role allows; with `resourceNames`, of some objects only."""

    api_groups: Sequence[str] = ()
    verbs: Sequence[str] = ()
    resources: Sequence[str] = ()
    resource_names: Sequence[str] = ()

    @property
    def on_everything(self) -> frozenset[str]:
        """The verbs that it allows on every resource."""
        return frozenset(self.verbs) if "*" in self.resources and not self.resource_names else frozenset()

    @property
    def takes(self) -> bool:
        """Whether it allows to take what others may."""
        for verb, (group, resources) in _TAKES.items():
            meant = {"*", group} & set(self.api_groups) and resources & set(self.resources)
            if {verb, "*"} & set(self.verbs) and not self.resource_names and meant:
                return True
        return bool(_TAKES.keys() & self.on_everything)


class Role(Part):
    """A Role or a ClusterRole."""

    rules: Sequence[PolicyRule] = ()

    @property
    def everything(self) -> bool:
        """Whether its rules, taken together, allow everything, or allow to take it."""
        verbs = frozenset[str]().union(*(rule.on_everything for rule in self.rules))
        changes = {"create", "delete"} <= verbs and bool({"update", "patch"} & verbs)
        return "*" in verbs or changes or any(rule.takes for rule in self.rules)


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
        """Whether what runs in that namespace is meant: its accounts, by either name, or a group that they all are of.

        Without its token, what runs there is anonymous.
        """
        if self.kind == "ServiceAccount":
            return self.namespace == namespace
        if self.kind == "User":
            return self.name == _ANONYMOUS or self.name.startswith(f"{_BY_NAME}{namespace}:")
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
