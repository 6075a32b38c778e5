"""The dialogs behind Reject, Waive and Stop all drills: they ask for the reason, which the record is to hold.

Limits after docs.slack.dev/reference/views: 24 characters in a title, 3,000 in what a dialog carries along.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from tminus.asking import short
from tminus.clock import end_of_day
from tminus.foreign_text import printable
from tminus.messages.block_kit import plain, sections
from tminus.messages.forms import Block
from tminus.slack_payload import Malformed, Submitted, Text

Asks = Literal["reject", "waive", "stop"]

REJECT = "tminus.reject"
WAIVE = "tminus.waive"
STOP = "tminus.stop-drills"
_ASKS: Mapping[str, Asks] = {REJECT: "reject", WAIVE: "waive", STOP: "stop"}
_CARRIED = 3000  # characters
_REASON = 1000  # characters
_A_WEEK = timedelta(days=7)  # what the date is set to at first


class Carried(BaseModel, frozen=True):
    """What a dialog knows of the button that opened it, so that nothing needs to be looked up meanwhile.

    Attributes:
        launch: the chain that the button stands for: a launch's, or of a drill.
        about: the question that is rejected, the step that is waived, or the system whose drills are stopped.
        digest: what the question was when its button was shown, or the failure.
        channel: where whoever hands the dialog in is answered.
    """

    launch: Text = Field(min_length=1, max_length=2000)
    about: Text = Field(min_length=1, max_length=2000)
    digest: Text = Field(default="", max_length=200)
    channel: Text = Field(default="", max_length=100)

    @classmethod
    def by(cls, action_id: str, value: str, channel: str) -> "Carried":
        """What a button's value says; raises Malformed where it says too little or too much."""
        parts = (*value.split("|"), "", "", "")
        digest = parts[3] if action_id == REJECT else parts[2]
        try:
            found = cls(launch=parts[0], about=parts[1], digest=digest, channel=channel)
        except ValidationError:
            raise Malformed("the button does not say what it is about") from None
        if len(found.model_dump_json()) > _CARRIED:
            raise Malformed("the button carries more than a dialog can hold")
        return found

    @classmethod
    def of(cls, submitted: Submitted) -> "Carried":
        """What a dialog carried; raises Malformed."""
        try:
            return cls.model_validate_json(submitted.view.private_metadata)
        except (ValidationError, RecursionError):
            raise Malformed("no dialog of tminus's") from None


def asks_for(name: str) -> Asks | None:
    """What a dialog is for, by the button that opens it or by its own name; None where it is none of ours."""
    return _ASKS.get(name)


def dialog(action_id: str, carried: Carried, moment: datetime) -> Block:
    """The view that asks; `moment` is now."""
    if asks_for(action_id) == "reject":
        said = f"{carried.about} of {carried.launch}: one no decides, and this reason becomes the no-go's."
        return _view("Reject", action_id, carried, [*sections(said), _reason("Why not?")])
    if asks_for(action_id) == "stop":
        said = (
            f"Every drill of {carried.about} here ends, what it broke is undone, and none begins until it is allowed."
        )
        return _view("Stop all drills", action_id, carried, [*sections(said), _reason("Why?")])
    said = (
        f"{carried.about} of {carried.launch} is accepted although it did not pass: as it failed when the button that "
        "you pressed was shown. If it has been tried since, you are told so, and nothing is waived."
    )
    return _view(
        "Waive a step", action_id, carried, [*sections(said), _reason("Why is that acceptable?"), _until(moment)]
    )


def mistakes_in(submitted: Submitted, moment: datetime) -> Mapping[str, str]:
    """Field → what is wrong with it, as far as the dialog itself tells."""
    wrong = {} if reason_in(submitted) else {"reason": "Say why: the record is to hold it."}
    if asks_for(submitted.view.callback_id) != "waive":
        return wrong
    until = until_in(submitted)
    if until is None:
        return {**wrong, "until": "Say until when; a waiver that never ends is another launch's surprise."}
    return wrong if until > moment else {**wrong, "until": "That day is over (UTC)."}


def reason_in(submitted: Submitted) -> str:
    """The reason that was given; "" where there is none."""
    return printable(submitted.entered("reason").value or "").strip()[:_REASON]


def until_in(submitted: Submitted) -> datetime | None:
    """The end of the day that was chosen, in UTC."""
    try:
        return end_of_day(date.fromisoformat(submitted.entered("until").selected_date or ""))
    except ValueError:
        return None


def instead(action_id: str, carried: Carried) -> str:
    """What does the same on the command line."""
    if asks_for(action_id) == "reject":
        return f"tminus reject {carried.launch} --ask {carried.about} --reason WHY"
    if asks_for(action_id) == "stop":
        return "tminus drill --stop --reason WHY"
    return f"tminus waive {carried.launch} {carried.about} --reason WHY --until DATE --digest {short(carried.digest)}"


def _view(title: str, name: str, carried: Carried, blocks: list[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": name,
        "private_metadata": carried.model_dump_json(),
        "title": plain(title, 24),
        "submit": plain(title.partition(" ")[0], 24),
        "close": plain("Cancel", 24),
        "blocks": [*blocks],
    }


def _reason(label: str) -> Block:
    field: Block = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": _REASON}
    return {"type": "input", "block_id": "reason", "label": plain(label, 2000), "element": field}


def _until(moment: datetime) -> Block:
    first = (moment.astimezone(UTC) + _A_WEEK).date().isoformat()
    field: Block = {"type": "datepicker", "action_id": "date", "initial_date": first}
    label = plain("Until the end of (UTC)", 2000)
    return {"type": "input", "block_id": "until", "label": label, "element": field}
