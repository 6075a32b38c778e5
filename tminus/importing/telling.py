"""What an import found, in the words of its summary."""

from collections.abc import Iterator

from tminus.importing.importer import Imported
from tminus.importing.outline import NotUnderstood


def counts(found: Imported) -> Iterator[tuple[int, str]]:
    """How many lines are judged in which way, and how many are claimed, ask something, or are to be filled in."""
    lines = list(found.lines())
    roles = sorted({one.role for one in lines if not one.signed_off})
    yield sum(one.suggested for one in lines), "with a suggested check"
    yield (
        sum(not one.suggested and not one.signed_off for one in lines),
        f"to attest, by {', '.join(roles) or 'nobody'}",
    )
    for number, said in (
        (sum(one.signed_off for one in lines), "to sign off"),
        (sum(one.line.claimed for one in lines), "claimed done by their author, which proves nothing yet"),
        (sum(bool(one.asks) for one in lines), "with a question"),
        (sum(one.placeholder for one in lines), "still to be filled in"),
    ):
        if number:
            yield number, said


def roles(found: Imported, owner: str) -> list[str]:
    """The roles that the files name, which people have to hold, and for what."""
    named = {owner: "owns the sections, may accept what does not hold"}
    for one in found.lines():
        if one.signed_off:
            named.setdefault(one.role, "signs off")
    return [f"{role}  {what}" for role, what in named.items()]


def questions(found: Imported) -> list[str]:
    """Each line that leaves something open, with what has to be known."""
    return [f"{one.line.ref}  {one.line.title}\n    {one.asks}" for one in found.lines() if one.asks]


def noted(found: Imported) -> list[str]:
    """What became no line, with where it stands."""
    return [_noted(one) for one in found.not_understood]


def _noted(one: NotUnderstood) -> str:
    return f"line {one.line}: {one.what}{f': {one.excerpt}' if one.excerpt else ''}"
