"""What every decision on the command line shares: the launch, the person behind the key, the signature."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tminus.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from tminus.events import Answered, Order, Ordered
    from tminus.frozen import Frozen
    from tminus.ledger.logbook import Logbook
    from tminus.ledger.store import Store
    from tminus.people import Person
    from tminus.personal_key import PersonalKey
    from tminus.runbook import Spec

KEY = "TMINUS_KEY"
_F = TypeVar("_F", bound=Callable[..., None])


def key_option(command: _F) -> _F:
    """`--key PATH`, or TMINUS_KEY: whose decision it is, since a shell is no identity."""
    found = click.option(
        "--key",
        "key_file",
        envvar=KEY,
        type=click.Path(path_type=Path),
        help=f"Your private Ed25519 key (or {KEY}); its public half stands beside your name in people.yaml.",
    )
    return found(command)


@dataclass(frozen=True)
class Desk:
    """A launch as one person sees it: ready to take their decision."""

    book: "Logbook"
    frozen: "Frozen"
    person: "Person"
    key: "PersonalKey"

    def ordered(
        self,
        order: "Order",
        reason: str,
        step: str = "",
        until: "datetime | None" = None,
        *,
        digest: str = "",
        seen: int | None = None,
    ) -> "Ordered":
        """An order of theirs, not signed yet."""
        from tminus import events as ev

        return ev.Ordered(
            order=order,
            person=self.person.id,
            via="command line",
            reason=reason,
            step=step,
            until=until,
            digest=digest,
            seen=seen,
        )

    def signed_answer(self, given: "Answered") -> "Answered":
        """The answer with the person's signature."""
        return given.model_copy(update={"signature": self.key.sign(self.book.launch, given)})

    def signed_order(self, given: "Ordered") -> "Ordered":
        """The order with the person's signature."""
        return given.model_copy(update={"signature": self.key.sign(self.book.launch, given)})


def open_launch(launch: str) -> tuple["Logbook", "Frozen"]:
    """A launch's page of the ledger that TMINUS_LEDGER names; raises UsageError where there is none."""
    from tasks.vocabulary import KINDS
    from tminus.chain_names import is_restore

    if is_restore(launch):
        raise UsageError(f"{launch} is a restore and no launch; `tminus status {launch}` shows it")
    return _open(launch, KINDS)


def _open(launch: str, kinds: "Mapping[str, type[Spec]]") -> tuple["Logbook", "Frozen"]:
    from tminus.frozen import Frozen
    from tminus.ledger.logbook import Logbook
    from tminus.ledger.opening import named_ledger, open_ledger
    from tminus.messages import telling

    store = open_ledger(named_ledger())
    book = Logbook(store, launch)
    created = book.refresh().created
    if created is None:
        raise UsageError(not_there(store, launch))
    frozen = Frozen(created, kinds)
    book.tell = telling(frozen)
    return book, frozen


def not_there(store: "Store", named: str) -> str:
    """That no launch or sign-off is called so, the nearest names, and where to look."""
    from tminus.chain_names import is_only_answered
    from tminus.launches import list_launches

    try:
        names = [line.launch for line in list_launches(store)] + [
            one for one in store.chains() if is_only_answered(one)
        ]
    except (LedgerError, ValueError):
        names = []  # an entry that cannot be read is `tminus ledger verify`'s matter: here it only costs the offer
    meant = did_you_mean(named, names)
    lists = "`tminus status` lists the launches, `tminus pending` every launch and sign-off that waits for people"
    return f"no launch or sign-off is called {named!r}; {meant}{lists}"


def did_you_mean(named: str, names: Iterable[str]) -> str:
    """The nearest names, as a question in front of what is said next; "" where none is near."""
    from tminus import wording

    meant = wording.did_you_mean(named, list(names))
    return f"{meant} " if meant else ""


def require_digits(named: str, shown_by: str) -> None:
    """Raises UsageError where what was given as --digest can be the beginning of no digest.

    Args:
        named: what was given.
        shown_by: the command that shows digests of this kind.
    """
    from tminus.asking import FEWEST

    digits = named.removeprefix("sha256:").lower()
    if wrong := sorted(set(digits) - set("0123456789abcdef")):
        raise UsageError(
            f"--digest {named[:80]!r} is no digest: it has {wrong[0]!r}, and a digest has only the digits 0-9 and a-f; "
            f"{shown_by} shows it"
        )
    if len(digits) < FEWEST:
        raise UsageError(
            f"--digest {named!r} is too short: it has {len(digits)} of at least {FEWEST} digits; {shown_by} shows them"
        )


def sit_down(launch: str, key_file: Path | None) -> Desk:
    """The launch, and who decides; raises UsageError without a key, Refused for a stranger's.

    The vocabulary of checks is not loaded: a decision needs the book's titles and rules, and is to take no time.
    """
    from tminus.personal_key import PersonalKey

    if key_file is None:
        raise UsageError(f"whose decision is it? Give --key, or set {KEY} to your private key's path")
    key = PersonalKey(key_file)
    book, frozen = _open(launch, {})
    theirs, counts = f"the people.yaml with which {launch} was created", "; it counts in what is created after that"
    return Desk(book, frozen, key.owner(frozen.people, theirs, counts), key)
