"""Secrets in moto's Secrets Manager, taken through their stages as a rotation takes them."""

import uuid
from dataclasses import dataclass
from functools import cached_property

import pytest
from pydantic import SecretStr

from deployments.rehearsal.aws import put_secret
from tasks.estate import Estate
from tasks.secret_versions import SecretVersions
from tests.conftest import Estates, S3Server
from tminus.rotations.document import Document


def nobody_overtook() -> None:
    """The lease is still whose it was: what is asked right before a stage is moved."""


@dataclass(frozen=True)
class StagedSecret:
    """One secret of its own, in a Secrets Manager that this process's AWS clients find by themselves."""

    name: str
    estate: Estate

    @classmethod
    def made(
        cls, server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch, text: str, **sections: object
    ) -> "StagedSecret":
        """A new one that holds `text`; `sections` are the environment's beside `aws`."""
        at = server.at.address
        for variable, value in at.environment().items():
            monkeypatch.setenv(variable, value.get_secret_value())
        monkeypatch.setenv("AWS_ENDPOINT_URL", at.url)
        name = f"tradesense/{uuid.uuid4().hex}"
        put_secret(at, name, SecretStr(text))
        return cls(name, estates.make(aws={"region": at.region, "endpoint": at.url}, **sections))

    @cached_property
    def versions(self) -> SecretVersions:
        """Its versions."""
        return SecretVersions.open(self.estate, self.name)

    def pend(self, text: str) -> str:
        """Makes a version that is pending, and returns its id."""
        version = str(uuid.uuid4())
        self.versions.put_pending(version, Document(SecretStr(text), self.name))
        return version

    def promote(self, version: str) -> str:
        """Makes it current, and returns the id of the one that was."""
        old = self.versions.versions().current
        self.versions.promote(version, old, nobody_overtook)
        return old
