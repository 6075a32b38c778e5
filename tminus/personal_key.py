"""Decisions on the command line are signed with the person's own key: a shell is no identity."""

import base64
import binascii
import shlex
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import rfc8785
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from tminus import events as ev
from tminus.errors import Refused, UsageError
from tminus.people import People, Person

Signed = (
    ev.Answered
    | ev.Ordered
    | ev.LineAttested
    | ev.LineWaived
    | ev.OperationApproved
    | ev.RestorePlanned
    | ev.RestoreOrdered
    | ev.RotationOrdered
)
"""What a person says with their own signature."""


_NEW = "NEW-FILE"  # stands for a path that the reader chooses: what is there already is never to be written over
_ENTER = "ask whoever keeps people.yaml to enter its public half beside your name"


class PersonalKey:
    """An OpenSSH Ed25519 key without a passphrase, as `ssh-keygen -t ed25519 -N ''` makes it.

    Args:
        path: the private key's file.

    Raises UsageError, saying what is wrong with the file and never what is in it.
    """

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
            key = load_ssh_private_key(content, password=None)
        except FileNotFoundError as e:
            raise UsageError(f"the key {path} cannot be read: {e.strerror}; {_make(str(path))}") from e
        except OSError as e:
            raise UsageError(f"the key {path} cannot be read: {e.strerror}; {_make(_NEW)}") from e
        except TypeError as e:
            said = f"the key {path} has a passphrase; a key for tminus has none, so keep it apart"
            raise UsageError(f"{said}: {_make(_NEW)}, and {_ENTER}") from e
        except (ValueError, UnsupportedAlgorithm) as e:
            if content.startswith(b"ssh-"):
                raise UsageError(f"{path} is a public key; give the private one, the file made with it") from e
            raise UsageError(f"{path} is no private key in OpenSSH's format; {_make(_NEW)}, and {_ENTER}") from e
        if not isinstance(key, Ed25519PrivateKey):
            raise UsageError(f"{path} is not an Ed25519 key; {_make(_NEW)}, and {_ENTER}")
        self._key, self._path = key, path

    @property
    def public(self) -> str:
        """The public key as people.yaml holds it, without its comment."""
        return self._key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def owner(self, people: People, where: str = "people.yaml", counts: str = "") -> Person:
        """Whose key it is; raises Refused where it is nobody's.

        Args:
            people: everybody.
            where: which file these people are from, in words.
            counts: for what a mended one would count, in words.
        """
        for person in people.people:
            if person.public_key == self.public:
                return person
        raise Refused(
            f"the key {self._path} belongs to nobody in {where}; its public half is {self.public} "
            f"(`ssh-keygen -y -f {shlex.quote(str(self._path))}` shows it). Give the key whose public half stands "
            f"there beside your name; where none does, {_ENTER}{counts}"
        )

    def sign(self, launch: str, said: Signed) -> str:
        """A signature over the whole event but the signature, for this launch only."""
        return base64.b64encode(self._key.sign(_text(launch, said))).decode()


def _make(path: str) -> str:
    return f"make one with `ssh-keygen -t ed25519 -N '' -f {path}`"


def verified(launch: str, said: Signed, person: Person) -> bool:
    """Whether `person`'s key signed this event for this launch; False also where their key is no Ed25519 key."""
    if not person.key or not said.signature:
        return False
    try:
        key = load_ssh_public_key(person.public_key.encode())
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(base64.b64decode(said.signature, validate=True), _text(launch, said))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, binascii.Error):
        return False
    return True


def proven(created: ev.LaunchCreated | None, said: ev.Answered | ev.Ordered) -> bool:
    """Whether what the ledger says that a person said may count at all.

    From a command line only with the signature of a person of this launch, whoever wrote it down. What came by Slack
    was proven to the gateway that wrote it down, and to nobody after it. A PagerDuty note proves nobody, so from there
    nothing but a hold or a no counts.

    Args:
        created: the launch as it was frozen; without one nothing from a command line is proven.
        said: the decision.
    """
    if said.via == "pagerduty":
        return (said.answer if isinstance(said, ev.Answered) else said.order) in {"reject", "hold"}
    if said.via != "command line":
        return True
    person = _people(created.people).by_id(said.person) if created else None
    return created is not None and person is not None and verified(created.launch, said, person)


def unsigned_decisions(created: ev.LaunchCreated | None, events: Iterable[ev.Event]) -> list[str]:
    """Every decision in a launch's events that is not proven and so does not count, in words."""
    return [
        f"{event.person}'s {_word(event)} of {event.at:%Y-%m-%d %H:%M:%S} UTC, by {event.via}, is not proven theirs"
        for event in events
        if isinstance(event, ev.Answered | ev.Ordered) and not proven(created, event)
    ]


def _word(said: ev.Answered | ev.Ordered) -> str:
    return f"{said.answer} {said.ask}" if isinstance(said, ev.Answered) else f"{said.order} {said.step}".strip()


@lru_cache(maxsize=16)
def _people(canonical: str) -> People:
    return People.model_validate_json(canonical)


def _text(launch: str, said: Signed) -> bytes:
    told = {**said.model_dump(mode="json"), "signature": "", "launch": launch, "namespace": "tminus"}
    return rfc8785.dumps(told)
