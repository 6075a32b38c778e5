"""Text that other systems wrote: data, which neither steers a terminal nor breaks a document."""

from typing import Annotated
from unicodedata import category

from pydantic import BeforeValidator


def printable(text: str) -> str:
    """Foreign text without what steers a terminal or breaks a document: control, format, unassigned characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter if letter in "\n\t" or category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def one_line(text: str) -> str:
    """What somebody wrote as part of a line of ours: it begins no line of its own."""
    return " ".join(text.split())


def _printable(value: object) -> object:
    return printable(value) if isinstance(value, str) else value


# Before any other validation, so that a lone surrogate is no reason to lose the rest.
Printable = Annotated[str, BeforeValidator(_printable)]
"""A field of a model that holds foreign text, printable from the moment it is made or read back."""
