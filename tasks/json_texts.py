"""The texts that stand anywhere in a JSON document."""

from collections.abc import Iterator

from pydantic import JsonValue


def texts_in(value: JsonValue, *, names: bool) -> Iterator[str]:
    """Every text in a document, in its order.

    Args:
        value: the document.
        names: whether the names of members count too, each before its value.
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner, names=names)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if names:
                yield name
            yield from texts_in(inner, names=names)
