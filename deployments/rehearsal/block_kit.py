"""Slack's Block Kit as Slack checks it: which blocks there are, what they hold, and how long each part may be.

Limits after Slack's reference for blocks, block elements and composition objects (docs.slack.dev/reference/block-kit).
Known here: section, header, divider, context, actions, image, input; button, static select, date picker, plain-text
input. Other types, which Slack would take, are refused by name.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Part(BaseModel):
    """Anything in a block; a field that Slack does not know is a mistake."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)


class PlainText(Part):
    """A text object without formatting."""

    type: Literal["plain_text"]
    text: Annotated[str, Field(min_length=1)]
    emoji: bool | None = None


class Mrkdwn(Part):
    """A text object in Slack's own markup."""

    type: Literal["mrkdwn"]
    text: Annotated[str, Field(min_length=1)]
    verbatim: bool | None = None


Text = Annotated[PlainText | Mrkdwn, Field(discriminator="type")]


def _at_most(limit: int) -> AfterValidator:
    def check(text: PlainText | Mrkdwn) -> PlainText | Mrkdwn:
        if len(text.text) > limit:
            raise PydanticCustomError("too_long", "must be less than {more} characters", {"more": limit + 1})
        return text

    return AfterValidator(check)


Identifier = Annotated[str, Field(min_length=1, max_length=255)]
Label = Annotated[PlainText, _at_most(75)]
LongLabel = Annotated[PlainText, _at_most(2000)]
Link = Annotated[str, Field(max_length=3000)]
Style = Literal["primary", "danger"]


class Confirm(Part):
    """The question that is asked back before a press counts."""

    title: Annotated[PlainText, _at_most(100)]
    text: Annotated[PlainText, _at_most(300)]
    confirm: Annotated[PlainText, _at_most(30)]
    deny: Annotated[PlainText, _at_most(30)]
    style: Style | None = None


class Button(Part):
    """A button; its `value` comes back when it is pressed."""

    type: Literal["button"]
    text: Label
    action_id: Identifier | None = None
    url: Link | None = None
    value: Annotated[str, Field(max_length=2000)] | None = None
    style: Style | None = None
    confirm: Confirm | None = None
    accessibility_label: Annotated[str, Field(max_length=75)] | None = None


class Option(Part):
    """One choice of a select."""

    text: Label
    value: Annotated[str, Field(max_length=150)]
    description: Label | None = None


class StaticSelect(Part):
    """A menu with choices given in the message."""

    type: Literal["static_select"]
    action_id: Identifier | None = None
    placeholder: Annotated[PlainText, _at_most(150)] | None = None
    options: Annotated[list[Option], Field(min_length=1, max_length=100)]
    initial_option: Option | None = None
    confirm: Confirm | None = None
    focus_on_load: bool | None = None


class PlainTextInput(Part):
    """A field to type into, in a view."""

    type: Literal["plain_text_input"]
    action_id: Identifier | None = None
    initial_value: Annotated[str, Field(max_length=3000)] | None = None
    multiline: bool | None = None
    min_length: Annotated[int, Field(ge=0, le=3000)] | None = None
    max_length: Annotated[int, Field(ge=1, le=3000)] | None = None
    focus_on_load: bool | None = None
    placeholder: Annotated[PlainText, _at_most(150)] | None = None


class DatePicker(Part):
    """A day to choose."""

    type: Literal["datepicker"]
    action_id: Identifier | None = None
    initial_date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    confirm: Confirm | None = None
    focus_on_load: bool | None = None
    placeholder: Annotated[PlainText, _at_most(150)] | None = None


class ImageElement(Part):
    """A picture inside another block."""

    type: Literal["image"]
    image_url: Link
    alt_text: Annotated[str, Field(min_length=1, max_length=2000)]


class Block(Part):
    """What every block may carry."""

    block_id: Identifier | None = None


class Section(Block):
    """Text, or up to ten short texts side by side, with something beside it."""

    type: Literal["section"]
    text: Annotated[Text, _at_most(3000)] | None = None
    fields: Annotated[list[Annotated[Text, _at_most(2000)]], Field(min_length=1, max_length=10)] | None = None
    accessory: Annotated[Button | StaticSelect | ImageElement, Field(discriminator="type")] | None = None
    expand: bool | None = None

    def model_post_init(self, _context: object) -> None:
        """A section shows something."""
        if self.text is None and self.fields is None:
            raise PydanticCustomError("empty_section", "must define either `text` or `fields`")


class Header(Block):
    """A heading."""

    type: Literal["header"]
    text: Annotated[PlainText, _at_most(150)]


class Divider(Block):
    """A line."""

    type: Literal["divider"]


class Context(Block):
    """Up to ten small texts or pictures."""

    type: Literal["context"]
    elements: Annotated[
        list[Annotated[PlainText | Mrkdwn | ImageElement, Field(discriminator="type")]],
        Field(min_length=1, max_length=10),
    ]


class Actions(Block):
    """Up to 25 things to press."""

    type: Literal["actions"]
    elements: Annotated[
        list[Annotated[Button | StaticSelect | DatePicker, Field(discriminator="type")]],
        Field(min_length=1, max_length=25),
    ]


class Image(Block):
    """A picture."""

    type: Literal["image"]
    image_url: Link
    alt_text: Annotated[str, Field(min_length=1, max_length=2000)]
    title: LongLabel | None = None


class Input(Block):
    """A question in a view."""

    type: Literal["input"]
    label: LongLabel
    element: Annotated[PlainTextInput | StaticSelect | DatePicker, Field(discriminator="type")]
    hint: LongLabel | None = None
    optional: bool | None = None
    dispatch_action: bool | None = None


MessageBlock = Annotated[Section | Header | Divider | Context | Actions | Image | Input, Field(discriminator="type")]
ViewTitle = Annotated[PlainText, _at_most(24)]


class View(Part):
    """A modal, as `views.open` takes it."""

    type: Literal["modal"]
    title: ViewTitle
    blocks: Annotated[list[MessageBlock], Field(max_length=100)]
    submit: ViewTitle | None = None
    close: ViewTitle | None = None
    callback_id: Annotated[str, Field(max_length=255)] | None = None
    private_metadata: Annotated[str, Field(max_length=3000)] | None = None
    external_id: Annotated[str, Field(max_length=255)] | None = None
    clear_on_close: bool | None = None
    notify_on_close: bool | None = None
