"""The Web API methods that read: auth.test, conversations.*, users.*, chat.getPermalink."""

from pydantic import JsonValue

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_arguments import Arguments, SlackRefusal
from deployments.rehearsal.slack_view import channel_view, message_view, user_view
from deployments.rehearsal.slack_workspace import Message, Workspace


def auth_test(workspace: Workspace, _arguments: Arguments) -> JsonObject:
    """auth.test: who the token belongs to."""
    team, bot = workspace.directory.team, workspace.directory.bot
    return {
        "ok": True,
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": bot.name,
        "team_id": team.id,
        "user_id": bot.user_id,
        "bot_id": bot.id,
        "is_enterprise_install": False,
    }


def history(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """conversations.history: a channel's messages outside threads, the newest first."""
    channel = workspace.channel(arguments.text("channel")).id
    top = [one for one in workspace.lasting(channel) if one.thread_ts is None and _within(one, arguments)]
    return {
        **_page(workspace, top[::-1], arguments, default=100, most=999),
        "pin_count": 0,
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    }


def replies(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """conversations.replies: a thread, its first message first."""
    channel = workspace.channel(arguments.text("channel")).id
    parent = workspace.message(channel, arguments.text("ts"), "thread_not_found")
    thread = [
        one for one in workspace.lasting(channel) if one.thread_ts == (parent.thread_ts or parent.ts) or one is parent
    ]
    return _page(workspace, [one for one in thread if _within(one, arguments)], arguments, default=1000, most=1000)


def conversation_info(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """conversations.info: one channel."""
    return {"ok": True, "channel": channel_view(workspace, workspace.channel(arguments.text("channel")))}


def permalink(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """chat.getPermalink: the address of a message."""
    message = workspace.message(workspace.channel(arguments.text("channel")).id, arguments.text("message_ts"))
    address = f"https://{workspace.directory.team.domain}.slack.com/archives/{message.channel}"
    return {"ok": True, "channel": message.channel, "permalink": f"{address}/p{message.ts.replace('.', '')}"}


def user_list(workspace: Workspace, _arguments: Arguments) -> JsonObject:
    """users.list: everyone, on one page."""
    members: list[JsonValue] = [user_view(workspace, user) for user in workspace.directory.users]
    return {"ok": True, "members": members, "cache_ts": 0, "response_metadata": {"next_cursor": ""}}


def _within(message: Message, arguments: Arguments) -> bool:
    oldest, latest = arguments.text("oldest", "0"), arguments.text("latest", "9999999999")
    try:
        first, last, at = float(oldest), float(latest), float(message.ts)
    except ValueError as error:
        raise SlackRefusal("invalid_ts_oldest" if oldest != "0" else "invalid_ts_latest") from error
    return first <= at <= last if arguments.flag("inclusive") else first < at < last


def _page(
    workspace: Workspace, messages: list[Message], arguments: Arguments, *, default: int, most: int
) -> JsonObject:
    """One page; a cursor is the place in the list at which the next page begins."""
    limit = arguments.number("limit", default, most)
    cursor = arguments.text("cursor", "") or "0"
    if not cursor.isdecimal():
        raise SlackRefusal("invalid_cursor")
    begin = int(cursor)
    shown, more = messages[begin : begin + limit], len(messages) > begin + limit
    metadata = arguments.flag("include_all_metadata")
    answer: JsonObject = {
        "ok": True,
        "messages": [message_view(workspace, message, metadata=metadata) for message in shown],
        "has_more": more,
    }
    if more:
        answer["response_metadata"] = {"next_cursor": str(begin + limit)}
    return answer
