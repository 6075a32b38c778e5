"""A YAML text as plain JSON data, with the line of every place in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.nodes import Node, ScalarNode, SequenceNode

Place = tuple[int | str, ...]

_STANDARD = "tag:yaml.org,2002:"
# Anything else that looks like a plain scalar (a timestamp, say) stays the text that was written.
_CONSTRUCTED = {_STANDARD + name for name in ("null", "bool", "int", "float")}
_TEXT = {_STANDARD + name for name in ("str", "timestamp", "binary", "value")}
_EXACT = 2**53 - 1  # RFC 8785 writes numbers as JavaScript does, which keeps whole numbers up to here


@dataclass(frozen=True)
class Defect:
    """Something YAML allows and a book does not.

    Attributes:
        line: 1-based.
        place: what it is in.
        what: what was found, and what to do about it.
    """

    line: int
    place: Place
    what: str


@dataclass(frozen=True)
class Document:
    """A text as read.

    Attributes:
        data: plain JSON data, None where the text holds no value.
        lines: place → its line, 1-based: a key's for a value in a mapping, the dash's for an item of a list.
        defects: what was read all the same, but must not stand in a book.
    """

    data: JsonValue
    lines: Mapping[Place, int] = field(default_factory=dict)
    defects: tuple[Defect, ...] = ()


def parse(text: str) -> Document:
    """Reads YAML 1.2; raises ruamel's YAMLError where it is none."""
    yaml = YAML(typ="safe", pure=True)
    root = yaml.compose(text)
    if root is None:
        return Document(None)
    return _Walk(yaml).document(root)


class _Walk:
    """One pass over the node graph, from the root down."""

    def __init__(self, yaml: YAML) -> None:
        self._yaml = yaml
        self._lines: dict[Place, int] = {}
        self._defects: list[Defect] = []
        self._above: list[Node] = []

    def document(self, root: Node) -> Document:
        data = self._value(root, ())
        return Document(data, self._lines, tuple(self._defects))

    def _value(self, node: Node, place: Place) -> JsonValue:
        if any(node is above for above in self._above):
            self._defect(node, place, "an alias to something that holds it has no end; write it out")
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, place)
        if not str(node.tag).startswith(_STANDARD):
            self._defect(node, place, f"the tag {node.tag} means nothing here; leave it out")
        self._above.append(node)
        value = self._sequence(node, place) if isinstance(node, SequenceNode) else self._mapping(node, place)
        self._above.pop()
        return value

    def _mapping(self, node: Node, place: Place) -> JsonValue:
        found: dict[str, JsonValue] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                self._defect(key, place, "a key is a word, not a list or a mapping")
                continue
            name = str(key.value)
            here = (*place, name)
            if key.tag == _STANDARD + "merge":
                self._defects.append(Defect(line, place, "'<<' means nothing here; write the lines out"))
            elif name in found:
                first = self._lines[here]
                self._defects.append(Defect(line, place, f"{name!r} stands here a second time, first in line {first}"))
            else:
                self._lines[here] = line
                found[name] = self._value(value, here)
        return found

    def _sequence(self, node: SequenceNode, place: Place) -> JsonValue:
        found: list[JsonValue] = []
        for number, item in enumerate(node.value):
            here = (*place, number)
            self._lines[here] = item.start_mark.line + 1
            found.append(self._value(item, here))
        return found

    def _scalar(self, node: ScalarNode, place: Place) -> JsonValue:
        if node.tag in _TEXT:
            return str(node.value)
        if node.tag not in _CONSTRUCTED:
            self._defect(node, place, f"the tag {node.tag} means nothing here; leave it out")
            return None
        try:
            value = self._yaml.constructor.construct_object(node)
        except (ValueError, LookupError):  # a tag that the text does not live up to: `!!int abc`, `!!bool maybe`
            kind = str(node.tag).removeprefix(_STANDARD)  # the value is not repeated: it may be a secret
            self._defect(node, place, f"this is no {kind}; leave the tag out and put the text in quotes")
            return None
        if value is None or isinstance(value, bool):
            return value
        if not abs(value) <= _EXACT:
            self._defect(node, place, f"{node.value} cannot be kept exactly as a number; put it in quotes")
            return None
        return int(value) if isinstance(value, int) else float(value)

    def _defect(self, node: Node, place: Place, what: str) -> None:
        self._defects.append(Defect(node.start_mark.line + 1, place, what))
