"""A room with a door whose password lies in moto's Secrets Manager, and the commands of its files."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from cli.main import main
from deployments.rehearsal import loopback_certificate
from deployments.rehearsal.prefect_server import PrefectServer
from deployments.rehearsal.processes import Processes
from flows import rotation_round
from tests.conftest import Estates, S3Server
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.overheard import Overheard, overheard
from tests.flows.rotations.room import Room
from tests.flows.rotations.saying import Tminus


@pytest.fixture
def room(s3_server: S3Server, estates: Estates, tmp_path: Path) -> Room:
    """Nothing is rotated yet."""
    at = s3_server.at.address
    keys = {"access_key": SecretStr(at.access_key_id), "secret_key": at.secret_access_key}
    client = boto3.client(
        "secretsmanager",
        endpoint_url=at.url,
        region_name=at.region,
        aws_access_key_id=at.access_key_id,
        aws_secret_access_key=at.secret_access_key.get_secret_value(),
    )
    made = Room(tmp_path, f"house/door-{uuid4().hex[:8]}", client)
    made.write({"region": at.region, "endpoint": at.url, **{key: estates.secret(value) for key, value in keys.items()}})
    return made


@pytest.fixture
def tminus(room: Room, monkeypatch: pytest.MonkeyPatch) -> Tminus:
    """`tminus …` of the room's files; whose word it is comes as `by`, and what is typed or piped as `typed`."""
    monkeypatch.setattr(rotation_round, "ROTATORS", {"test.door": DoorKey})
    for variable in ("TMINUS_KEY", "TMINUS_PEOPLE"):
        monkeypatch.delenv(variable, raising=False)
    files = [f"--{option}={room.folder / name}.yaml" for option, name in (("runbook", "secrets"), ("environment",) * 2)]

    def run(*words: str, by: str = "", typed: str | None = None) -> Result:
        signed = [f"--key={room.folder / by}", f"--people={room.folder / 'people.yaml'}"] if by else []
        return CliRunner().invoke(main, [*words, *files, *signed], input=typed)

    return run


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server that keeps what runs here."""
    server = PrefectServer.plan(tmp_path_factory.mktemp("prefect"))
    with Processes() as processes:
        server.start(processes)
        yield server


@pytest.fixture
def house(room: Room, estates: Estates, prefect: PrefectServer, tmp_path: Path) -> Iterator[Overheard]:
    """The room, overheard; nothing but its door's first password is in it."""
    with overheard(room, estates, prefect, loopback_certificate.make(tmp_path)) as heard:
        yield heard
