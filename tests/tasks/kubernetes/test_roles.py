"""Roles that allow everything, and whom a binding gives them to."""

import pytest
from pydantic import JsonValue

from tasks.kubernetes_rbac import Role, Subject

RBAC = "rbac.authorization.k8s.io"


def rule(*verbs: str, on: str = "*", group: str = "*", names: tuple[str, ...] = ()) -> JsonValue:
    """A rule of a role."""
    return {"apiGroups": [group], "resources": [on], "verbs": [*verbs], "resourceNames": [*names]}


@pytest.mark.parametrize(
    ("rules", "everything"),
    [
        ([rule("*")], True),
        ([rule("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")], True),
        ([rule("create", "patch", "delete")], True),
        ([rule("get", "create"), rule("update"), rule("delete")], True),
        ([rule("get", "list", "watch")], False),
        ([rule("create", "patch", "delete", on="pods")], False),
        ([rule("create"), rule("patch", "delete", on="pods")], False),
        ([rule("*", names=("orders",))], False),
        ([rule("escalate")], True),
        ([rule("bind")], True),
        ([rule("impersonate")], True),
        ([rule("bind", on="clusterroles", group=RBAC)], True),
        ([rule("*", on="roles", group=RBAC)], True),
        ([rule("bind", on="clusterroles", group=RBAC, names=("view",))], False),
        ([rule("create", "update", on="roles", group=RBAC)], False),
        ([rule("*", on="roles", group="iam.aws.example")], False),
        ([rule("impersonate", on="users", group="")], True),
        ([rule("impersonate", on="users", group="", names=("reader",))], False),
        ([], False),
        (None, False),
    ],
)
def test_which_roles_allow_everything(rules: JsonValue, everything: bool) -> None:
    """Those that change everything, however it is written, and those by which one takes what others may."""
    assert Role.model_validate({"rules": rules}).everything == everything


@pytest.mark.parametrize(
    ("kind", "name", "namespace", "ours"),
    [
        ("ServiceAccount", "risk", "vatic", True),
        ("ServiceAccount", "risk", "staging", False),
        ("User", "system:serviceaccount:vatic:risk", "", True),
        ("User", "system:serviceaccount:vatic-staging:risk", "", False),
        ("User", "vatic", "", False),
        ("User", "system:anonymous", "", True),
        ("Group", "system:serviceaccounts:vatic", "", True),
        ("Group", "system:serviceaccounts:staging", "", False),
        ("Group", "system:serviceaccounts", "", True),
        ("Group", "system:authenticated", "", True),
        ("Group", "system:unauthenticated", "", True),
        ("Group", "system:masters", "", False),
    ],
)
def test_whom_a_binding_means(kind: str, name: str, namespace: str, ours: bool) -> None:
    """A service account has two names, and is in three groups; whoever leaves its token out is anonymous."""
    assert Subject(kind=kind, name=name, namespace=namespace).runs_in("vatic") == ours  # type: ignore[arg-type]
