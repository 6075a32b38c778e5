"""Whom the tests of the Slack stand-in know there, and blocks that Slack accepts."""

from pydantic import JsonValue

from deployments.rehearsal import slack_workspace

CHANNEL = "C0LAUNCHES"
PERSON = slack_workspace.User(id="U0DEVOPS1", name="devops-lead-1", real_name="DevOps lead, first shift")


def button(action_id: str = "tminus.approve", **more: JsonValue) -> dict[str, JsonValue]:
    """A button that Slack accepts."""
    text: JsonValue = {"type": "plain_text", "text": "Approve"}
    return {"type": "button", "action_id": action_id, "text": text, "value": "v", **more}


def actions(*elements: dict[str, JsonValue], block_id: str = "go:devops_lead") -> dict[str, JsonValue]:
    """An actions block."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def section(text: str) -> dict[str, JsonValue]:
    """A section with markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
