"""The Web API methods that write: chat.* and reactions.add."""

import secrets
from typing import cast

from pydantic import JsonValue

from deployments.rehearsal.block_kit_check import message_mistakes
from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.slack_arguments import Arguments, SlackRefusal
from deployments.rehearsal.slack_view import message_view
from deployments.rehearsal.slack_workspace import Message, Workspace

TEXT_LIMIT = 40_000  # characters in a message's own text


def post_message(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """chat.postMessage: a new message, in a thread where `thread_ts` says so."""
    channel = workspace.channel(arguments.text("channel"), by_name=True).id
    thread = arguments.text("thread_ts", "") or None
    if thread is not None:
        workspace.message(channel, thread, "thread_not_found")
    message = Message(channel, workspace.new_ts(), message_text(arguments), thread_ts=thread)
    message.blocks = checked_blocks(arguments) or []
    message.metadata = _metadata(arguments)
    _require_content(message)
    workspace.add(message)
    return {"ok": True, "channel": channel, "ts": message.ts, "message": message_view(workspace, message)}


def post_ephemeral(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """chat.postEphemeral: a message that one person sees, and nobody can look up or change."""
    channel = workspace.channel(arguments.text("channel")).id
    user = arguments.text("user")
    if user not in {one.id for one in workspace.directory.users}:
        raise SlackRefusal("user_not_in_channel")
    message = Message(channel, workspace.new_ts(), message_text(arguments), ephemeral_to=user)
    message.thread_ts = arguments.text("thread_ts", "") or None
    message.blocks = checked_blocks(arguments) or []
    _require_content(message)
    workspace.add(message)
    return {"ok": True, "message_ts": message.ts}


def update(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """chat.update: text without blocks removes the blocks; metadata that is not given stays."""
    message = workspace.message(workspace.channel(arguments.text("channel")).id, arguments.text("ts"))
    blocks, text, metadata = checked_blocks(arguments), message_text(arguments), _metadata(arguments)
    if blocks is None and not text and metadata is None:
        raise SlackRefusal("no_text")
    if blocks is not None or text:
        message.text, message.blocks = text, blocks or []
        _require_content(message)
    if metadata is not None:
        message.metadata = metadata or None
    if blocks is None:
        message.edited_ts = workspace.new_ts()  # Slack marks a message as edited only where its text was
    workspace.touch(message)
    return {
        "ok": True,
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message_view(workspace, message),
    }


def delete(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """chat.delete: the message is gone from the channel."""
    message = workspace.message(workspace.channel(arguments.text("channel")).id, arguments.text("ts"))
    message.deleted = True
    workspace.touch(message)
    return {"ok": True, "channel": message.channel, "ts": message.ts}


def add_reaction(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """reactions.add: the app reacts to a message, once with each emoji."""
    channel = workspace.channel(arguments.text("channel")).id
    message = workspace.message(channel, arguments.text("timestamp"))
    users = message.reactions.setdefault(arguments.text("name").strip(":"), [])
    if workspace.directory.bot.user_id in users:
        raise SlackRefusal("already_reacted")
    users.append(workspace.directory.bot.user_id)
    workspace.touch(message)
    return {"ok": True}


def message_text(arguments: Arguments) -> str:
    """The `text` of a message; empty where it is not given."""
    text = arguments.text("text", "")
    if len(text) > TEXT_LIMIT:
        raise SlackRefusal("msg_too_long")
    return text


def checked_blocks(arguments: Arguments) -> list[JsonObject] | None:
    """The `blocks` of a message with the ids that Slack adds; None where they are not given."""
    blocks = arguments.structure("blocks", "invalid_blocks_format")
    if blocks is None:
        return None
    if not isinstance(blocks, list):
        raise SlackRefusal("invalid_blocks_format")
    mistakes = message_mistakes(blocks)
    if mistakes:
        raise SlackRefusal("invalid_blocks", *mistakes)
    return [_with_ids(block) for block in cast("list[JsonObject]", blocks)]


def _with_ids(block: JsonObject) -> JsonObject:
    filled: JsonObject = {"block_id": secrets.token_urlsafe(4), **block}
    elements = block.get("elements")
    if block["type"] == "actions" and isinstance(elements, list):
        filled["elements"] = [
            {"action_id": secrets.token_urlsafe(4), **element} for element in elements if isinstance(element, dict)
        ]
    return filled


def _metadata(arguments: Arguments) -> JsonObject | None:
    metadata: JsonValue = arguments.structure("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return metadata
    if (
        not isinstance(metadata, dict)
        or set(metadata) != {"event_type", "event_payload"}
        or not isinstance(metadata["event_type"], str)
        or not isinstance(metadata["event_payload"], dict)
    ):
        raise SlackRefusal("invalid_metadata_format")
    return metadata


def _require_content(message: Message) -> None:
    if not message.text and not message.blocks:
        raise SlackRefusal("no_text")
