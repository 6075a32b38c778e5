"""Decisions on the command line are signed with the person's own key: a shell is no identity."""

import base64
import binascii
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


class PersonalKey:
    """An OpenSSH Ed25519 key without a passphrase, as `ssh-keygen -t ed25519 -N ''` makes it.

    Args:
        path: the private key's file.

    Raises UsageError, saying what is wrong with the file and never what is in it.
    """

    def __init__(self, path: Path) -> None:
        make = f"make one with `ssh-keygen -t ed25519 -N '' -f {path}`"
        try:
            key = load_ssh_private_key(path.read_bytes(), password=None)
        except OSError as e:
            raise UsageError(f"the key {path} cannot be read: {e.strerror}; {make}") from e
        except TypeError as e:
            raise UsageError(f"the key {path} has a passphrase; a key for tminus has none, so keep it apart") from e
        except (ValueError, UnsupportedAlgorithm) as e:
            raise UsageError(f"{path} is no private key in OpenSSH's format; {make}") from e
        if not isinstance(key, Ed25519PrivateKey):
            raise UsageError(f"{path} is not an Ed25519 key; `ssh-keygen -t ed25519` makes one")
        self._key = key

    @property
    def public(self) -> str:
        """The public key as people.yaml holds it, without its comment."""
        return self._key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def owner(self, people: People) -> Person:
        """Whose key it is; raises Refused where it is nobody's."""
        for person in people.people:
            if person.key and _bare(person.key) == self.public:
                return person
        raise Refused(f"this key belongs to nobody in the launch's people.yaml; its public half is {self.public}")

    def sign(self, launch: str, said: ev.Answered | ev.Ordered) -> str:
        """A signature over the whole event but the signature, for this launch only."""
        return base64.b64encode(self._key.sign(_text(launch, said))).decode()


def verified(launch: str, said: ev.Answered | ev.Ordered, person: Person) -> bool:
    """Whether `person`'s key signed this event for this launch; False also where their key is no Ed25519 key."""
    if not person.key or not said.signature:
        return False
    try:
        key = load_ssh_public_key(_bare(person.key).encode())
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(base64.b64decode(said.signature, validate=True), _text(launch, said))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, binascii.Error):
        return False
    return True


def _bare(key: str) -> str:
    return " ".join(key.split()[:2])


def _text(launch: str, said: ev.Answered | ev.Ordered) -> bytes:
    told = {**said.model_dump(mode="json"), "signature": "", "launch": launch, "namespace": "tminus"}
    return rfc8785.dumps(told)
