"""Foreign files as tests make them up: random bytes, and random structures of the words that a reader looks for."""

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st
from pydantic import JsonValue

from tasks.artifact_files import ArtifactFile
from tminus.errors import CouldNotObserve

_SENTENCE = 700
HUGE = [0, -1, 1, 0.1, 100, 1e15, 1e16, 1e300, 10**30, 10**5000, -(10**20)]
TEXTS = [
    "",
    "0",
    "-1",
    "1e400",
    "1e9999999",
    "9" * 6000,
    "N/A",
    "NaN",
    "Infinity",
    "15d",
    "1h30m",
    "512Mi",
    "80%",
    "PT5M",
]
TIMES = [
    "2026-11-01T10:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-11-01",
    "20261101",
    "soon",
]


def file(content: bytes | str, name: str = "report.xml") -> ArtifactFile:
    """A file as read."""
    made = content.encode(errors="surrogatepass") if isinstance(content, str) else content
    return ArtifactFile(name, made, datetime(2026, 1, 1, tzinfo=UTC))


def survives(read: Callable[[ArtifactFile], object], foreign: ArtifactFile) -> None:
    """Fails where a reader does anything but read, or say in a short sentence that it cannot."""
    said = ""
    try:
        read(foreign)
    except CouldNotObserve as e:
        said = str(e)
    assert len(said) < _SENTENCE


def scalars() -> st.SearchStrategy[JsonValue]:
    """What stands in documents, and what should not."""
    chosen = st.sampled_from([*TEXTS, *TIMES]) | st.sampled_from([number for number in HUGE if abs(number) < 1e300])
    return st.none() | st.booleans() | chosen | st.floats(allow_nan=False) | st.text(max_size=12)


def documents(words: Sequence[str]) -> st.SearchStrategy[JsonValue]:
    """Random JSON whose keys are often those that a reader knows."""
    keys = st.sampled_from(list(words)) | st.text(max_size=6)
    return st.recursive(
        scalars(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=25
    )


def damaged(data: st.DataObject, example: JsonValue) -> JsonValue:
    """The document with up to three of its parts missing, or another thing."""
    document = deepcopy(example)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        if data.draw(st.booleans()):
            holder[key] = data.draw(scalars())
        else:
            del holder[key]
    return document


def _places(document: JsonValue) -> Iterator[tuple[Any, str | int]]:
    """Each part, by what holds it and its key there."""
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, inner in pairs:
        yield document, key
        yield from _places(inner)


def written(document: JsonValue) -> str:
    """A document as JSON; numbers beyond what Python writes are written out as they are meant."""
    return json.dumps(document, default=str)


def elements(tags: Sequence[str], attributes: Sequence[str]) -> st.SearchStrategy[str]:
    """Random well-formed XML of these words."""
    values = st.sampled_from([*TEXTS, *TIMES, "50% (1/2)", "100% (9/2)", "true"]) | st.text(
        alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=8
    )
    pairs = st.dictionaries(st.sampled_from(list(attributes)), values, max_size=4)

    def element(tag: str, given: dict[str, str], inner: list[str]) -> str:
        said = "".join(f" {name}={quoteattr(value)}" for name, value in given.items())
        return f"<{tag}{said}>{''.join(inner)}</{tag}>"

    leaf = st.builds(element, st.sampled_from(list(tags)), pairs, st.just([]))
    return st.recursive(
        leaf,
        lambda inner: st.builds(element, st.sampled_from(list(tags)), pairs, st.lists(inner, max_size=4)),
        max_leaves=20,
    )
