"""Chapters as YAML text, with comments that say what was suggested, what has to be named, and what is asked."""

from collections.abc import Mapping, Sequence
from io import StringIO

from pydantic import JsonValue
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from tminus.importing.draft import DraftChapter, DraftLine, DraftSection
from tminus.importing.seen import Check
from tminus.readiness.book import Holds

MARK = "# Imported from "
"""How the first line of each file begins, by which a later import knows what it may replace."""
_NAME_YOURS = "name yours"
_WIDE = 100_000  # characters; titles stay on one line
_VALID_FOR = "90d"
_STATEMENTS: Mapping[Holds, str] = {
    Holds.OPERATIONS: "I have run this, and it did what it is for",
    Holds.NEXT_STEPS: "This is done",
    Holds.METRICS: "I have measured this, and it holds",
}


def yaml_text(chapter: DraftChapter, system: str, owner: str, file: str) -> str:
    """A chapter's file.

    Args:
        chapter: what stands in it.
        system: whose it is.
        owner: the role that owns its sections and may waive its lines.
        file: what it was imported from.
    """
    top = CommentedMap()
    top["readiness"] = chapter.name
    top["system"] = system
    top["title"] = chapter.title
    top["order"] = chapter.order
    top["may_waive"] = _flow_list([owner])
    top["sections"] = CommentedSeq([_section(section, owner) for section in chapter.sections])
    return _head(chapter, file) + _dumped(top)


def _head(chapter: DraftChapter, file: str) -> str:
    lines = [one.line.line for one in chapter.lines()]
    said = "".join(letter if letter.isprintable() else "?" for letter in file)
    return (
        f"{MARK}{said}, lines {min(lines)} to {max(lines)}. Titles are its author's words.\n"
        "# Checks are suggestions: put your own names where it says `name yours`, and look whether each proves its\n"
        "# line. What nothing judges yet is stated by a person; where a comment asks, the answer may make it a check.\n"
    )


def _dumped(data: CommentedMap) -> str:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = _WIDE
    written = StringIO()
    yaml.dump(data, written)
    return written.getvalue()


def _section(section: DraftSection, owner: str) -> CommentedMap:
    found = CommentedMap()
    found["section"] = section.name
    found["title"] = section.title
    found["owner"] = owner
    if section.holds is not Holds.BOXES:
        found["holds"] = str(section.holds)
    found["lines"] = CommentedSeq([_line(line) for line in section.lines])
    return found


def _line(drafted: DraftLine) -> CommentedMap:
    line, found = drafted.line, CommentedMap()
    found["ref"] = line.ref
    if line.part:
        found["part"] = True
    found["title"] = line.title
    if line.claimed:
        found["claimed"] = True
    if drafted.suggestion.promises:
        found["promises"] = _flow(drafted.suggestion.promises)
    way = _way(drafted, found)
    comments = [f"asks: {drafted.asks}"] if drafted.asks else []
    comments += ["something is still to be filled in here"] if drafted.placeholder else []
    if comments:
        found.yaml_set_comment_before_after_key(way, before="\n".join(comments), indent=8)
    return found


def _way(drafted: DraftLine, found: CommentedMap) -> str:
    """Adds what judges the line; returns the key under which it begins."""
    if drafted.signed_off:
        found["sign_off"] = _flow({"role": drafted.role})
        return "sign_off"
    checks = drafted.suggestion.checks
    if not checks:
        found["attestation"] = _attestation(drafted)
        return "attestation"
    names = not drafted.suggestion.known
    if len(checks) == 1:
        _one(checks[0], found, names=names)
        return "check"
    listed = CommentedSeq([_flow(check.raw()) for check in checks])
    for number, check in enumerate(checks):
        if names and check.given:
            listed.yaml_add_eol_comment(_NAME_YOURS, key=number)
    found["all"] = listed
    return "all"


def _one(check: Check, found: CommentedMap, *, names: bool) -> None:
    found["check"] = check.kind
    if check.given:
        found["with"] = _flow(check.given)
        if names:
            found.yaml_add_eol_comment(_NAME_YOURS, key="with")
    found["expect"] = _flow(check.expect)


def _attestation(drafted: DraftLine) -> CommentedMap:
    said = _STATEMENTS.get(drafted.line.holds, "I have seen that this holds")
    found = CommentedMap()
    found["role"] = drafted.role
    found["statement"] = f"{said}: {drafted.line.title}"
    found["valid_for"] = _VALID_FOR
    return found


def _flow(data: Mapping[str, JsonValue] | Mapping[str, str]) -> CommentedMap:
    """`{lines: "> 80 %"}`, in one line."""
    found = CommentedMap((key, _inside(value)) for key, value in data.items())
    found.fa.set_flow_style()
    return found


def _flow_list(data: Sequence[JsonValue]) -> CommentedSeq:
    found = CommentedSeq([_inside(value) for value in data])
    found.fa.set_flow_style()
    return found


def _inside(value: JsonValue) -> object:
    match value:
        case dict():
            return _flow(value)
        case list():
            return _flow_list(value)
        case str() if not value.replace("_", "").replace("-", "").replace("/", "").replace(".", "").isalnum():
            return DoubleQuotedScalarString(value)
        case _:
            return value
