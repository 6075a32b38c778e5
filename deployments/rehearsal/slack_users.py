"""What Slack says of its accounts to whoever checks them: users.info, users.lookupByEmail, and the scopes."""

from collections.abc import Mapping

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_arguments import Arguments, SlackRefusal
from deployments.rehearsal.slack_view import user_view
from deployments.rehearsal.slack_workspace import User, Workspace


def info(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """users.info: one account, with its address where the token may see it."""
    _needs(workspace, "users:read")
    return {"ok": True, "user": _shown(workspace, workspace.user(arguments.text("user")))}


def by_email(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """users.lookupByEmail: the active account of an address."""
    _needs(workspace, "users:read.email")
    wanted = arguments.text("email").lower()
    for user in workspace.directory.users:
        if (user.email or "").lower() == wanted and not user.deleted:
            return {"ok": True, "user": _shown(workspace, user)}
    raise SlackRefusal("users_not_found")


def scopes_header(workspace: Workspace) -> Mapping[str, str]:
    """The header that is on every answer to a token."""
    return {"X-OAuth-Scopes": ",".join(workspace.directory.scopes)}


def _needs(workspace: Workspace, scope: str) -> None:
    if scope not in workspace.directory.scopes:
        raise SlackRefusal("missing_scope")


def _shown(workspace: Workspace, user: User) -> JsonObject:
    view = user_view(workspace, user) | {"deleted": user.deleted, "is_bot": user.is_bot}
    profile = view["profile"]
    if user.email and isinstance(profile, dict) and "users:read.email" in workspace.directory.scopes:
        profile["email"] = user.email
    return view
