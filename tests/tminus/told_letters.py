"""Reading the letters that a launch wrote: what its messages say and offer, and what its pages say."""

import json

from tests.tminus.staged_launch import Stage, pagerduty_section, slack_section
from tminus.courier import deliver_due, open_channels
from tminus.messages.forms import PagerDutyLetter, SlackLetter
from tminus.outbox import Outbox

# Sections of an environment whose letters stay where they are.
SILENT = {
    "slack": slack_section(),
    "pagerduty": pagerduty_section(),
    "prefect": {"api": "http://127.0.0.1:4200/api", "ui": "http://127.0.0.1:4200"},
}


def carry(stage: Stage) -> None:
    """Everything that is due arrives."""
    for name, channel in open_channels(stage.frozen.environment).items():
        deliver_due(Outbox(stage.store), name, channel)
        channel.close()
    assert Outbox(stage.store).unsent() == []


def board(stage: Stage) -> SlackLetter:
    """The living message as it was last written."""
    bodies = [body for key, body in stage.letters("slack") if key == "board"]
    return SlackLetter.model_validate_json(bodies[-1])


def question(stage: Stage) -> SlackLetter:
    """The go's message as it was last written."""
    bodies = [body for key, body in stage.letters("slack") if key == "ask-go-no-go"]
    return SlackLetter.model_validate_json(bodies[-1])


def shown_buttons(letter: SlackLetter) -> dict[str, str]:
    """A letter's buttons: action → value."""
    found = json.loads(letter.model_dump_json())["blocks"]
    elements = [one for block in found if block["type"] == "actions" for one in block["elements"]]
    return {one["action_id"]: one["value"] for one in elements}


def pages(stage: Stage) -> list[PagerDutyLetter]:
    """Every incident that was triggered, in order."""
    letters = [PagerDutyLetter.model_validate_json(body) for _, body in stage.letters("pagerduty")]
    return [letter for letter in letters if letter.op == "trigger"]
