"""What every decision on the command line shares: the launch, the person behind the key, the signature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tminus.errors import UsageError

if TYPE_CHECKING:
    from tminus.events import Answered, Ordered
    from tminus.frozen import Frozen
    from tminus.ledger.logbook import Logbook
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

    book = Logbook(open_ledger(named_ledger()), launch)
    created = book.refresh().created
    if created is None:
        raise UsageError(f"no launch is called {launch!r}; `tminus status` lists them")
    frozen = Frozen(created, kinds)
    book.tell = telling(frozen)
    return book, frozen


def sit_down(launch: str, key_file: Path | None) -> Desk:
    """The launch, and who decides; raises UsageError without a key, Refused for a stranger's.

    The vocabulary of checks is not loaded: a decision needs the book's titles and rules, and is to take no time.
    """
    from tminus.personal_key import PersonalKey

    if key_file is None:
        raise UsageError(f"whose decision is it? Give --key, or set {KEY} to your private key's path")
    key = PersonalKey(key_file)
    book, frozen = _open(launch, {})
    return Desk(book, frozen, key.owner(frozen.people), key)
