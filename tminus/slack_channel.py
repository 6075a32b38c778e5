"""Letters to Slack: living messages are updated, notes stand in the launch's thread."""

import re
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException

from pydantic import ValidationError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from tminus.answer_status import refuses
from tminus.courier import Superseded, Unavailable, Undeliverable, still_wanted
from tminus.credentials import resolve
from tminus.environment import Slack
from tminus.messages.forms import Block, SlackLetter
from tminus.outbox import Outbox, Waiting

_TIMEOUT = 5  # seconds
_METADATA = "tminus_letter"
_OFF = 300  # seconds by which Slack's clock and the ledger's may differ
_PAGES, _PAGE = 5, 200  # of messages that are looked through for one that may have arrived
_TOO_MANY = 429
_REFUSED = 400  # from this status on it is none of Slack's words about a letter: those come with 200
_WORD = re.compile(r"^[a-z][a-z0-9_]*$")  # Slack's errors are such words
_TS = re.compile(r"[!-~]{1,100}")  # what a message's ts may be: `1405895017.000506`, as far as is described
_QUOTED = 200  # characters of what Slack says
# What Slack may say of a letter that would be fine later: it is busy, or somebody has to let us in again.
# docs.slack.dev/reference/methods/chat.postMessage
_LIMITED = frozenset({"ratelimited", "rate_limited"})
_LATER = _LIMITED | frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "accesslimited",
        "access_denied",
        "account_inactive",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "is_archived",
        "message_limit_exceeded",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_NO_THREAD = frozenset({"thread_not_found", "cannot_reply_to_message"})


class SlackChannel:
    """Posts to one channel.

    Slack's posts have no idempotency key, so each carries its letter's number in its metadata: where
    it is not known whether a post arrived, it is looked for before it is posted again.

    Args:
        settings: the channel, and references to its secrets.
    """

    def __init__(self, settings: Slack) -> None:
        self._channel = settings.channel
        token = resolve(settings.token).get_secret_value()
        # Left to itself the client posts once more when a connection breaks, and a message would stand there twice.
        self._client = WebClient(token=token, base_url=settings.api, timeout=_TIMEOUT, retry_handlers=[])

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """Posts or updates; the receipt is the message's ts."""
        try:
            what = SlackLetter.model_validate_json(letter.body)
            return self._deliver(letter, what, outbox, late)
        except SlackApiError as e:
            raise _mapped(e) from e
        except ValidationError as e:
            raise Undeliverable(f"no letter to Slack: {e.error_count()} fields are wrong") from e
        except (SlackClientError, OSError, HTTPException) as e:
            raise Unavailable(f"Slack: {type(e).__name__}") from e
        # The client stumbles over JSON that is no object, or too deep, as something between us and Slack may answer.
        except (AttributeError, TypeError, ValueError, RecursionError) as e:
            raise Unavailable(f"Slack: {type(e).__name__}", refused=True) from e

    def close(self) -> None:
        """Nothing stays open between two calls."""

    def _deliver(self, letter: Waiting, what: SlackLetter, outbox: Outbox, late: str) -> str:
        if not what.living:
            thread = outbox.receipt(letter.chain, "slack", what.thread) if what.thread else None
            return self._found(letter, thread) or self._note(letter, what, thread, late)
        standing = outbox.receipt(letter.chain, "slack", letter.key)
        newest = outbox.newest(letter)
        if newest is not None and standing is not None:
            raise Superseded(letter.key)
        # The message shows how things are now, also when it is posted for a letter from a while ago.
        shown = SlackLetter.model_validate_json(newest) if newest is not None else what
        if standing is not None and self._updated(standing, shown, late):
            return standing
        return self._found(letter, None) or self._post(letter, shown, None, late)

    def _updated(self, standing: str, what: SlackLetter, late: str) -> bool:
        """Whether the message could be changed; False where somebody deleted it."""
        still_wanted()
        try:
            self._client.chat_update(
                channel=self._channel, ts=standing, text=_text(what, late), blocks=_blocks(what, late)
            )
        except SlackApiError as e:
            if _reason(e) in _GONE:
                return False
            raise
        return True

    def _note(self, letter: Waiting, what: SlackLetter, thread: str | None, late: str) -> str:
        """In its thread; on its own, naming its launch, where the thread's message never arrived or was deleted."""
        alone = what.model_copy(update={"text": f"{letter.chain}: {what.text}"}) if what.thread else what
        if thread is None:
            return self._post(letter, alone, None, late)
        try:
            return self._post(letter, what, thread, late)
        except SlackApiError as e:
            if _reason(e) not in _NO_THREAD:
                raise
        return self._post(letter, alone, None, late)

    def _post(self, letter: Waiting, what: SlackLetter, thread: str | None, late: str) -> str:
        payload = {"letter": str(letter.id), "chain": letter.chain, "request": what.request or ""}
        still_wanted()
        answer = self._client.chat_postMessage(
            channel=self._channel,
            text=_text(what, late),
            blocks=_blocks(what, late),
            thread_ts=thread,
            metadata={"event_type": "tminus_request" if what.request else _METADATA, "event_payload": payload},
        )
        return _ts(answer.get("ts"))

    def _found(self, letter: Waiting, thread: str | None) -> str | None:
        """The ts of a post whose answer never came, if it arrived.

        Where the app may not read the channel nothing is found: rather twice than never.
        """
        if letter.attempts <= 1:
            return None
        try:
            for message in self._since(letter, thread):
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if (payload.get("letter"), payload.get("chain")) == (str(letter.id), letter.chain):
                    return _ts(message.get("ts"))
        except SlackApiError as e:
            if _reason(e) not in {"missing_scope", "no_permission", *_NO_THREAD}:
                raise
        return None

    def _since(self, letter: Waiting, thread: str | None) -> Iterator[Mapping[str, Mapping[str, Mapping[str, str]]]]:
        """The channel's messages, or a thread's, since shortly before the letter was written."""
        oldest, cursor = f"{letter.made - _OFF:.6f}", ""
        for _ in range(_PAGES):
            still_wanted()
            if thread is None:
                page = self._client.conversations_history(
                    channel=self._channel, oldest=oldest, limit=_PAGE, cursor=cursor, include_all_metadata=True
                )
            else:
                page = self._client.conversations_replies(
                    channel=self._channel,
                    ts=thread,
                    oldest=oldest,
                    limit=_PAGE,
                    cursor=cursor,
                    include_all_metadata=True,
                )
            yield from page.get("messages") or []
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return


def _mapped(error: SlackApiError) -> Unavailable | Undeliverable:
    reason, status = _reason(error), error.response.status_code
    # No word of Slack's about this letter at all: too many requests, their fault, or something in between answered.
    if reason in _LATER or status >= _REFUSED or not _WORD.match(reason):
        return Unavailable(
            f"Slack: {reason[:_QUOTED]}",
            _wait(error, limited=reason in _LIMITED or status == _TOO_MANY),
            refused=reason not in _LATER and refuses(status),
        )
    metadata = _said(error).get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    said = messages[0] if isinstance(messages, list) and messages else ""
    return Undeliverable(f"Slack: {reason} {said}".strip()[:_QUOTED])


def _wait(error: SlackApiError, *, limited: bool) -> float:
    """Seconds that Slack asks to be left alone; one where it is too much for it and it does not say for how long."""
    wait = {name.lower(): value for name, value in error.response.headers.items()}.get("retry-after", "")
    return float(wait) if str(wait).isdecimal() else float(limited)


def _reason(error: SlackApiError) -> str:
    """What Slack says, or the status where it says nothing."""
    said = _said(error).get("error")
    return said if isinstance(said, str) and said else str(error.response.status_code)


def _ts(said: object) -> str:
    if not isinstance(said, str) or not _TS.fullmatch(said):
        raise Unavailable("Slack: it says that it posted, and not what", refused=True)
    return said


def _said(error: SlackApiError) -> Mapping[str, object]:
    """Slack's answer; nothing where that is no object, and so not Slack's."""
    return error.response.data if isinstance(error.response.data, dict) else {}


def _text(what: SlackLetter, late: str) -> str:
    return f"{what.text} ({late})" if late else what.text


def _blocks(what: SlackLetter, late: str) -> Sequence[Block] | None:
    if not what.blocks:
        return None
    said: Block = {"type": "context", "elements": [{"type": "mrkdwn", "text": f":hourglass: {late}"}]}
    return [*what.blocks, said] if late else what.blocks
