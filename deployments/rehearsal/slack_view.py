"""How Slack shows its workspace's objects in answers and payloads."""

from pydantic import JsonValue

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_workspace import Channel, Message, User, Workspace


def message_view(workspace: Workspace, message: Message, *, metadata: bool = True) -> JsonObject:
    """A message object; its metadata only where asked for, as `include_all_metadata` does."""
    bot = workspace.directory.bot
    view: JsonObject = {
        "type": "message",
        "user": bot.user_id,
        "bot_id": bot.id,
        "team": workspace.directory.team.id,
        "ts": message.ts,
        "text": message.text,
    }
    if message.blocks:
        view["blocks"] = list[JsonValue](message.blocks)
    if metadata and message.metadata is not None:
        view["metadata"] = message.metadata
    if message.thread_ts is not None:
        view |= {"thread_ts": message.thread_ts, "parent_user_id": bot.user_id}
    if message.edited_ts is not None:
        view["edited"] = {"user": bot.user_id, "ts": message.edited_ts}
    if message.reactions:
        view["reactions"] = [
            {"name": name, "users": list[JsonValue](users), "count": len(users)}
            for name, users in message.reactions.items()
        ]
    replies = [one for one in workspace.lasting(message.channel) if one.thread_ts == message.ts]
    if replies:
        view |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users_count": 1,
            "reply_users": [bot.user_id],
            "latest_reply": replies[-1].ts,
            "subscribed": False,
        }
    return view


def user_view(workspace: Workspace, user: User) -> JsonObject:
    """A user object."""
    profile: JsonObject = {
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "team": workspace.directory.team.id,
        "fields": None,
        **dict.fromkeys(("avatar_hash", "title", "phone", "skype", "status_text", "status_emoji"), ""),
    }
    return {
        "id": user.id,
        "team_id": workspace.directory.team.id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "profile": profile,
        "is_bot": False,
        "is_app_user": False,
        "updated": 0,
    }


def channel_view(workspace: Workspace, channel: Channel) -> JsonObject:
    """A conversation object, its main fields."""
    direct = channel.id.startswith("D")
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not direct,
        "is_group": False,
        "is_im": direct,
        "is_private": direct,
        "is_archived": channel.archived,
        "is_member": channel.member,
        "context_team_id": workspace.directory.team.id,
    }


def control_view(workspace: Workspace, message: Message) -> JsonObject:
    """A message for the control routes, with what Slack's own answers leave out."""
    return message_view(workspace, message) | {
        "channel": message.channel,
        "revision": message.revision,
        "deleted": message.deleted,
        "ephemeral_to": message.ephemeral_to,
    }
