"""What a restored PostgreSQL database has otherwise than when it was backed up: a line for each object. Pure."""

from collections.abc import Collection, Mapping

from tminus.backups.contents import PostgresContents, TableContents
from tminus.backups.definitions import comparable
from tminus.foreign_text import printable

NOT_IN_A_DUMP = frozenset({"roles", "extension versions"})
"""Sections that a dump does not decide: roles are the whole cluster's, an extension comes as new as it is there."""
_EXPRESSIONS = frozenset(
    {"columns", "constraints", "indexes", "views", "functions", "triggers", "rules", "policies", "types"}
)
_LONG = 120  # characters of an object's name


def schema_differences(
    wanted: PostgresContents, found: PostgresContents, ignoring: Collection[str] = NOT_IN_A_DUMP
) -> list[str]:
    """The objects whose description is not what it was, each once, and the database's encoding."""
    differing = [] if wanted.encoding == found.encoding else [f"encoding was {wanted.encoding}, is {found.encoding}"]
    for section in sorted({*wanted.schema_lines, *found.schema_lines} - set(ignoring)):
        before, after = _by_object(wanted, section), _by_object(found, section)
        if ignoring is NOT_IN_A_DUMP:
            after = {one: lines for one, lines in after.items() if one in before or not _brought(section, one, wanted)}
        differing += [f"{section}: {_name(one)} {how}" for one, how in _differing(before, after)]
    return differing


def _brought(section: str, identity: str, wanted: PostgresContents) -> bool:
    """Whether it comes with every database that is made (template0): no dump says that it had been dropped.

    What is in the schema `public` has lines of its own, so one that is let through here is empty.
    """
    if section == "extensions":
        return identity == "plpgsql"
    if "public" in wanted.schema_lines.get("schemas", ()):
        return False
    public = {"schemas": "public", "owners": "schema public"}.get(section)
    return identity == public or (section == "privileges" and identity.startswith("schema public to "))


def extension_versions(wanted: PostgresContents, found: PostgresContents) -> list[str]:
    """The extensions whose version is another: what a dump does not decide."""
    section = "extension versions"
    before, after = _by_object(wanted, section), _by_object(found, section)
    return [
        f"the extension {_name(one)} is{', '.join(after[one])} here, and was{', '.join(lines)} where it was backed up"
        for one, lines in sorted(before.items())
        if one in after and after[one] != lines
    ]


def table_differences(wanted: Mapping[str, TableContents], found: Mapping[str, TableContents]) -> list[str]:
    """The tables that hold other rows than they held, with the numbers of rows."""
    differing = []
    for name in sorted({*wanted, *found}):
        before, after = wanted.get(name), found.get(name)
        if before is None:
            differing.append(f"table {_name(name)} is there, and was not: {after.rows if after else 0} rows")
        elif after is None:
            differing.append(f"table {_name(name)} is missing: it held {before.rows} rows")
        elif before.rows != after.rows:
            differing.append(f"table {_name(name)} holds {after.rows} rows, and held {before.rows}")
        elif before != after:
            differing.append(f"table {_name(name)} holds {after.rows} rows as it did, and other values in them")
    return differing


def sequence_differences(wanted: PostgresContents, found: Mapping[str, int | None]) -> list[str]:
    """The sequences that are not where they were, or between there and where they had come meanwhile."""
    differing = []
    for name in sorted({*wanted.sequences, *found}):
        if name not in found:
            differing.append(f"sequence {_name(name)} is missing")
        elif name not in wanted.sequences:
            differing.append(f"sequence {_name(name)} is there, and was not")
        elif not _reached(found[name], wanted.sequences[name], wanted.sequences_upto.get(name)):
            differing.append(f"sequence {_name(name)} is at {found[name]}, and was at {wanted.sequences[name]}")
    return differing


def _reached(value: int | None, from_: int | None, upto: int | None) -> bool:
    if value == from_ or upto is None:
        return value == from_
    if from_ is None:  # nothing was handed out, then something was: which way it counts is not known here
        return value is not None and abs(value) <= max(abs(upto), 1)
    return value is not None and min(from_, upto) <= value <= max(from_, upto)


def lost_constraints(wanted: PostgresContents, found: PostgresContents) -> list[str]:
    """The constraints that are not enforced any more on all that is there: missing, not validated, or other ones."""
    before, after = _by_object(wanted, "constraints"), _by_object(found, "constraints")
    return [f"constraint {_name(one)} {how}" for one, how in _differing(before, after) if one in before]


def _by_object(contents: PostgresContents, section: str) -> dict[str, frozenset[str]]:
    """Definitions by object; `identity: definition` is a line."""
    found: dict[str, set[str]] = {}
    for line in contents.schema_lines.get(section, ()):
        identity, _, definition = line.partition(":")
        found.setdefault(identity, set()).add(comparable(definition) if section in _EXPRESSIONS else definition)
    return {identity: frozenset(definitions) for identity, definitions in found.items()}


def _differing(before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]]) -> list[tuple[str, str]]:
    how = {
        one: "is missing" if one not in after else "is there, and was not" if one not in before else "is another"
        for one in sorted({*before, *after})
        if before.get(one) != after.get(one)
    }
    return list(how.items())


def _name(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONG else f"{shown[: _LONG - 1]}…"
