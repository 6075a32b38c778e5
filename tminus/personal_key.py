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
    """An OpenSSH Ed25519 key without a passphrase, as `ssh-keygen -t ed25519` makes it.

    Args:
        path: the private key's file.
    """

    def __init__(self, path: Path) -> None:
        try:
            key = load_ssh_private_key(path.read_bytes(), password=None)
        except OSError as e:
            raise UsageError(f"the key {path} cannot be read: {e.strerror}; `ssh-keygen -t ed25519 -f {path}`") from e
        except (ValueError, TypeError, UnsupportedAlgorithm) as e:
            raise UsageError(f"{path} is no OpenSSH private key without a passphrase: {e}") from e
        if not isinstance(key, Ed25519PrivateKey):
            raise UsageError(f"{path} is not an Ed25519 key; make one with `ssh-keygen -t ed25519`")
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
        raise Refused("this key belongs to nobody in the launch's people.yaml; add its public half there")

    def sign(self, launch: str, said: ev.Answered | ev.Ordered) -> str:
        """A signature over the whole event but the signature, for this launch only."""
        return base64.b64encode(self._key.sign(_text(launch, said))).decode()


def verified(launch: str, said: ev.Answered | ev.Ordered, person: Person) -> bool:
    """Whether `person`'s key signed this event for this launch."""
    if not person.key or not said.signature:
        return False
    key = load_ssh_public_key(person.key.encode())
    if not isinstance(key, Ed25519PublicKey):
        return False
    try:
        key.verify(base64.b64decode(said.signature), _text(launch, said))
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _bare(key: str) -> str:
    return " ".join(key.split()[:2])


def _text(launch: str, said: ev.Answered | ev.Ordered) -> bytes:
    told = {**said.model_dump(mode="json"), "signature": "", "launch": launch, "namespace": "tminus"}
    return rfc8785.dumps(told)
