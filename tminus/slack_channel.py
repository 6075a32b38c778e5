"""Letters to Slack: living messages are updated, notes stand in the launch's thread."""

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from tminus.courier import Unavailable, Undeliverable
from tminus.credentials import resolve
from tminus.environment import Slack
from tminus.messages.forms import Block, SlackLetter
from tminus.outbox import Outbox, Waiting

_TIMEOUT = 5  # seconds
_METADATA = "tminus_letter"
# What Slack may say of a letter that would be fine later; https://api.slack.com/methods/chat.postMessage#errors
_LATER = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}


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
        self._client = WebClient(token=token, base_url=settings.api, timeout=_TIMEOUT)
        self._in_doubt: set[int] = set()

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """Posts or updates; the receipt is the message's ts."""
        what = SlackLetter.model_validate_json(letter.body)
        try:
            return self._deliver(letter, what, outbox, late)
        except SlackApiError as e:
            reason = str(e.response.get("error") or e.response.status_code)
            if reason in _LATER or e.response.status_code >= 429:  # noqa: PLR2004 - too many requests, or their fault
                raise Unavailable(f"Slack: {reason}") from e
            raise Undeliverable(f"Slack: {reason}") from e
        except (SlackClientError, OSError) as e:
            self._in_doubt.add(letter.id)
            raise Unavailable(f"Slack: {type(e).__name__}") from e

    def _deliver(self, letter: Waiting, what: SlackLetter, outbox: Outbox, late: str) -> str:
        blocks = [*what.blocks, *([_context(late)] if late and what.blocks else [])]
        text = f"{what.text} ({late})" if late else what.text
        standing = outbox.receipt(letter.chain, "slack", letter.key) if what.living else None
        if standing is not None:
            self._client.chat_update(channel=self._channel, ts=standing, text=text, blocks=blocks)
            return standing
        if (letter.id in self._in_doubt or letter.attempts > 1) and (found := self._find(letter)):
            return found
        thread = outbox.receipt(letter.chain, "slack", what.thread) if what.thread else None
        payload = {"letter": str(letter.id), "chain": letter.chain, "request": what.request or ""}
        answer = self._client.chat_postMessage(
            channel=self._channel,
            text=text,
            blocks=blocks or None,
            thread_ts=thread,
            metadata={"event_type": "tminus_request" if what.request else _METADATA, "event_payload": payload},
        )
        return str(answer["ts"])

    def _find(self, letter: Waiting) -> str | None:
        """The ts of a post whose answer never came, if it arrived."""
        history = self._client.conversations_history(channel=self._channel, limit=50, include_all_metadata=True)
        for message in history.get("messages") or []:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if (payload.get("letter"), payload.get("chain")) == (str(letter.id), letter.chain):
                return str(message["ts"])
        return None


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": f":hourglass: {text}"}]}
