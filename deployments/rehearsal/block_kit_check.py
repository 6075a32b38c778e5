"""Checks blocks and views, and words what is wrong as Slack does: a sentence and a JSON pointer."""

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import JsonValue, TypeAdapter, ValidationError

from deployments.rehearsal.block_kit import MessageBlock, View
from deployments.rehearsal.call_record import JsonObject

MESSAGE_BLOCKS = 50

_BLOCKS: TypeAdapter[list[MessageBlock]] = TypeAdapter(list[MessageBlock])
_VIEW = TypeAdapter(View)


def message_mistakes(blocks: JsonValue) -> list[str]:
    """What Slack would refuse in the blocks of a message; nothing where it would take them."""
    mistakes = _shape(_BLOCKS, blocks, "/blocks")
    if isinstance(blocks, list):
        if len(blocks) > MESSAGE_BLOCKS:
            mistakes.append(f"no more than {MESSAGE_BLOCKS} items allowed [json-pointer:/blocks]")
        mistakes += _repeated(blocks)
        mistakes += [
            f"unsupported type: input (messages take no input blocks here) [json-pointer:/blocks/{index}/type]"
            for index, block in enumerate(blocks)
            if isinstance(block, dict) and block.get("type") == "input"
        ]
    return mistakes


def view_mistakes(view: JsonValue) -> list[str]:
    """What Slack would refuse in a view; nothing where it would take it."""
    blocks = view.get("blocks") if isinstance(view, dict) else None
    return _shape(_VIEW, view, "/view") + (_repeated(blocks) if isinstance(blocks, list) else [])


def _shape(adapter: "TypeAdapter[list[MessageBlock]] | TypeAdapter[View]", value: JsonValue, root: str) -> list[str]:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return [
            f"{_worded(one['type'], one['msg'], one['loc'])} [json-pointer:{root}{_pointer(one['loc'], value)}]"
            for one in error.errors(include_url=False, include_input=False)
        ]
    return []


def _worded(kind: str, message: str, where: Sequence[int | str]) -> str:
    if kind == "missing":
        return f"missing required field: {where[-1]}"
    if kind == "extra_forbidden":
        return f"invalid additional property: {where[-1]}"
    if kind.startswith("union_tag"):
        return f"unsupported type or no type: {message}"
    return message


def _pointer(where: Sequence[int | str], value: JsonValue) -> str:
    """The path of a validation error without the type names that it holds beside the fields."""
    parts: list[str] = []
    for part in where:
        if isinstance(part, int) and isinstance(value, list):
            value = value[part] if part < len(value) else None
        elif isinstance(part, str) and isinstance(value, dict) and part in value:
            value = value[part]
        else:
            continue
        parts.append(str(part))
    return "".join(f"/{part}" for part in parts)


def _repeated(blocks: list[JsonValue]) -> list[str]:
    return list(_repetitions(blocks))


def _repetitions(blocks: list[JsonValue]) -> Iterator[str]:
    objects: list[JsonObject] = [block for block in blocks if isinstance(block, dict)]
    for name, count in Counter(str(block["block_id"]) for block in objects if "block_id" in block).items():
        if count > 1:
            yield f"block_id `{name}` already exists [json-pointer:/blocks]"
    for index, block in enumerate(objects):
        elements = block.get("elements")
        names = [
            str(element["action_id"])
            for element in (elements if isinstance(elements, list) else [])
            if isinstance(element, dict) and "action_id" in element
        ]
        for name, count in Counter(names).items():
            if count > 1:
                yield f"action_id `{name}` already exists [json-pointer:/blocks/{index}/elements]"
