"""YAML of strangers as JSON data: merges and aliases are followed, but never beyond what a file can mean."""

import warnings

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tasks.artifact_files import ArtifactFile, shown
from tminus.errors import CouldNotObserve

LARGEST = 512 * 1024  # bytes; the reader takes some seconds for that much
_MOST = 100_000  # values, those behind aliases counted each time: nine aliases of nine of nine … stop here
_STANDARD = "tag:yaml.org,2002:"
_CONSTRUCTED = {_STANDARD + name for name in ("null", "bool", "int", "float")}
_MERGE = _STANDARD + "merge"


def read_yaml(file: ArtifactFile) -> JsonValue:
    """The document; a list of them where a file holds several, as Kubernetes manifests do.

    Times stay text. Raises CouldNotObserve where it is no YAML, has no end, or is beyond what is read.
    """
    if len(file.content) > LARGEST:
        raise CouldNotObserve(f"{file.name} has {len(file.content)} bytes of YAML, and over {LARGEST} none is read")
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings(action="ignore"):
            found = [_Reading(yaml).value(root) for root in yaml.compose_all(file.text())]
    except _Endless as e:
        raise CouldNotObserve(f"{file.name} means over {_MOST} values, its aliases followed, and is not read") from e
    except _Twice as e:
        raise CouldNotObserve(f"{file.name} says {shown(str(e))} twice in one place; which of them holds?") from e
    except RecursionError as e:
        raise CouldNotObserve(f"{file.name} is nested deeper than any setting, and is not read") from e
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as e:
        # The reader meets some texts that are no YAML with an error of Python's own.
        mark = getattr(e, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise CouldNotObserve(f"{file.name} is no YAML that can be read{where}") from e
    return found[0] if len(found) == 1 else list[JsonValue](found)


class _Endless(Exception):
    """The aliases of a document stand for more values than are read."""


class _Twice(Exception):
    """A key stands twice in one mapping."""


class _Reading:
    """One pass over a document's nodes, from the root down."""

    def __init__(self, yaml: YAML) -> None:
        self._yaml = yaml
        self._left = _MOST

    def value(self, node: Node | None) -> JsonValue:
        self._left -= 1
        if self._left < 0:
            raise _Endless
        if isinstance(node, MappingNode):
            return self._mapping(node)
        if isinstance(node, SequenceNode):
            return [self.value(inner) for inner in node.value]
        return self._scalar(node) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode) -> dict[str, JsonValue]:
        """The mapping's own lines over those that it merges, of which the first named has the say."""
        own: dict[str, JsonValue] = {}
        merged: dict[str, JsonValue] = {}
        for key, inner in node.value:
            if not isinstance(key, ScalarNode):
                continue  # a list or a mapping as a key: no pointer leads there
            if str(key.tag) == _MERGE:
                for each in inner.value if isinstance(inner, SequenceNode) else [inner]:
                    found = self.value(each)
                    merged = {**found, **merged} if isinstance(found, dict) else merged
            elif str(key.value) in own:
                raise _Twice(str(key.value))
            else:
                own[str(key.value)] = self.value(inner)
        return {**merged, **own}

    def _scalar(self, node: ScalarNode) -> JsonValue:
        if str(node.tag) not in _CONSTRUCTED:
            return str(node.value)
        value = self._yaml.constructor.construct_object(node)
        if value is None or isinstance(value, bool):
            return value
        return int(value) if isinstance(value, int) else float(value)
