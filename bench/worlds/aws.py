"""What the worlds of AWS share: moto behind one address, and clients that set things up in it."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from botocore import xform_name
from botocore.client import BaseClient
from botocore.config import Config
from botocore.session import Session

from bench.worlds.world import Sections, World
from deployments.rehearsal.vendors.aws_moto import FakeAws, fake_aws

REGION = "eu-central-1"
_KEY, _SECRET = "AKIAWORLD00000000000", "made-up-for-one-world"
_NAMES = {"access_key": "env:TMINUS_WORLD_AWS_KEY", "secret_key": "env:TMINUS_WORLD_AWS_SECRET"}


class AwsWorld(World):
    """A world in which moto stands for AWS; a subclass builds what is in it."""

    real: ClassVar[bool] = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.aws = FakeAws()
        self._session = Session()
        self._clients: dict[str, BaseClient] = {}

    @abstractmethod
    def build(self) -> None:
        """Makes the healthy account."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Moto in a thread of this process."""
        with fake_aws() as self.aws:
            self._clients = {}
            self.build()
            yield

    def sections(self) -> Sections:
        """The account; a world with buckets adds them."""
        return {"aws": {"region": REGION, "endpoint": self.aws.url, **_NAMES}}

    def secrets(self) -> dict[str, str]:
        """The account's keys."""
        return {"TMINUS_WORLD_AWS_KEY": _KEY, "TMINUS_WORLD_AWS_SECRET": _SECRET}

    def bucket(self, bucket: str, prefix: str = "") -> Sections:
        """What an environment file says of a bucket."""
        return {"bucket": bucket, "prefix": prefix, "endpoint": self.aws.url, "region": REGION, **_NAMES}

    def call(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        """One call of whoever runs the account, by AWS's name for it."""
        if service not in self._clients:
            self._clients[service] = self._session.create_client(
                service,
                region_name=REGION,
                endpoint_url=self.aws.url,
                aws_access_key_id=_KEY,
                aws_secret_access_key=_SECRET,
                config=Config(retries={"total_max_attempts": 1}),
            )
        answer: dict[str, Any] = getattr(self._clients[service], xform_name(operation))(**parameters)
        return answer

    @staticmethod
    @contextmanager
    def changed(thing: object, name: str, value: object) -> Iterator[None]:
        """The block in which something that moto keeps is otherwise."""
        before = getattr(thing, name)
        setattr(thing, name, value)
        try:
            yield
        finally:
            setattr(thing, name, before)
