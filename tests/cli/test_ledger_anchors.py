"""`tminus ledger verify` against the heads in S3: the record itself does not choose its witness."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from cli.main import main
from tests.cli.forging import forge, with_environment
from tests.conftest import S3Server
from tests.tminus.told_launches import rolled_back
from tminus.ledger.chain import Head

LAUNCH = "tradesense-2-0-0-1"


@dataclass
class Anchored:
    """A launch whose heads lie in S3, and the environment file that says where."""

    folder: Path
    server: S3Server
    environment: dict[str, object]
    heads: list[Head]

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.sqlite"

    def put(self, head: Head, body: str = "") -> None:
        """Anchors a head, or something else in its place."""
        self.server.client().put_object(
            Bucket=self.server.at.address.bucket,
            Key=f"{self.folder.name}/anchors/{LAUNCH}/{head.seq:08d}-phase-{head.hash}",
            Body=(body or str(head)).encode(),
        )

    def file(self, **sections: object) -> str:
        """An environment file, as the auditor keeps it."""
        path = self.folder / "environment.yaml"
        path.write_text(json.dumps({**self.environment, **sections}))
        return str(path)

    def bucket(self, **changed: object) -> Mapping[str, object]:
        """The buckets, with another place of the anchors."""
        buckets = self.environment["buckets"]
        assert isinstance(buckets, dict)
        return {**buckets, "anchors": {**buckets["anchors"], **changed}}

    def verify(self, *words: str) -> Result:
        """The command's result."""
        return CliRunner().invoke(main, ["ledger", "verify", LAUNCH, *words])


@pytest.fixture
def anchored(tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Anchored:
    """Two of the launch's heads were anchored, the last one too."""
    told = rolled_back(tmp_path)
    told.store.close()
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")

    def secret(value: SecretStr) -> str:
        name = f"ANCHORED_{len(value.get_secret_value())}"
        monkeypatch.setenv(name, value.get_secret_value())
        return f"env:{name}"

    plain = json.loads(told.frozen.created.environment)
    section = s3_server.section(secret, f"{tmp_path.name}/")
    environment = {**plain, "anchors": ["s3"], "buckets": {**plain["buckets"], "anchors": section}}

    def genuine(seq: int, body: str) -> str:
        return with_environment(body, **environment) if seq == 1 else body

    made = Anchored(tmp_path, s3_server, environment, forge(tmp_path / "ledger.sqlite", LAUNCH, genuine))
    made.put(made.heads[9])
    made.put(made.heads[-1])
    return made


def test_where_the_anchors_are_is_said_by_the_environment_file(anchored: Anchored) -> None:
    """Both agree; without the file it is said that the place was the record's own word."""
    result = anchored.verify("--environment", anchored.file())
    assert result.exit_code == 0, result.output
    assert "2 anchors agree, the tail is anchored" in result.stdout
    assert "by its own word" not in result.output
    result = anchored.verify()
    assert result.exit_code == 0
    assert "2 anchors agree" in result.stdout
    assert "Where it is anchored (s3) is by its own word; --environment FILE says it independently" in result.stdout


def test_a_chain_forged_in_full_that_names_no_anchors_is_found(anchored: Anchored) -> None:
    """It fits together from its first event on, and says that nothing was anchored: only the file contradicts it."""

    def forged(seq: int, body: str) -> str:
        return with_environment(body, anchors=[]) if seq == 1 else body.replace("devops-1", "ceo-1")

    forge(anchored.ledger, LAUNCH, forged)
    alone = anchored.verify()
    assert "0 anchors agree" in alone.stdout
    assert "Where it is anchored (nowhere) is by its own word" in alone.stdout
    result = anchored.verify("--environment", anchored.file())
    assert result.exit_code == 1
    assert "NOT whole" in result.output
    assert f"event {anchored.heads[-1].seq} is not the one that was anchored outside" in result.output
    assert "by the record itself its heads are in no place, and by the environment file in s3://" in result.output


def test_another_place_in_the_record_is_a_finding_by_itself(anchored: Anchored) -> None:
    """Where its heads agree with the forger's bucket, and none lies in ours, the two places are held together."""
    elsewhere = anchored.file(buckets=anchored.bucket(prefix="another/"))
    result = anchored.verify("--environment", elsewhere)
    assert result.exit_code == 1
    assert "by the record itself its heads are in s3://" in result.output


def test_a_cut_or_removed_record_is_found_without_its_own_word(anchored: Anchored) -> None:
    """Cut to before the first anchor it fits together; gone, there is nothing to ask: the file leads to the heads."""
    forge(anchored.ledger, LAUNCH, lambda seq, body: body if seq <= 5 else None)
    result = anchored.verify("--environment", anchored.file())
    assert result.exit_code == 1
    assert "the tail is cut: event 10 was anchored outside" in result.output
    with closing(sqlite3.connect(anchored.ledger)) as ledger, ledger:
        ledger.execute("DELETE FROM event")
        ledger.execute("DELETE FROM chain")
    assert anchored.verify().exit_code == 2
    assert anchored.verify("--environment", anchored.file()).exit_code == 1


@pytest.mark.parametrize("own_word", [True, False])
def test_a_witness_that_cannot_be_heard_is_no_agreement(anchored: Anchored, own_word: bool) -> None:
    """Unreachable, or without any head although phases ended: it ends with 4, and says what is missing."""
    for changed, said in (
        ({"endpoint": "http://127.0.0.1:1"}, "its anchors cannot be read (S3: "),
        ({"prefix": "empty/"}, "phases ended, and no head of it is known from s3"),
    ):
        buckets = anchored.bucket(**changed)

        def moved(seq: int, body: str, buckets: Mapping[str, object] = buckets) -> str:
            return with_environment(body, buckets=buckets) if seq == 1 else body

        heads = forge(anchored.ledger, LAUNCH, moved)
        words = [] if own_word else ["--environment", anchored.file(buckets=buckets)]
        result = anchored.verify(*words)
        assert result.exit_code == 4, result.output
        assert "NOT PROVEN whole" in result.stderr
        assert said in result.stderr
        assert anchored.verify(*words, "--offline", "--anchor", str(heads[-1])).exit_code == 0


def test_an_object_that_is_no_head_does_not_hide_the_others(anchored: Anchored) -> None:
    """It is named, the rest is judged: 4 where they agree, 1 where one of them does not."""
    anchored.put(anchored.heads[3], "hello")
    result = anchored.verify("--environment", anchored.file())
    assert result.exit_code == 4
    assert f"{anchored.heads[3].hash}: 'hello' is no head" in result.stderr
    assert "2 anchors agree" in result.stderr
    forge(anchored.ledger, LAUNCH, lambda _, body: body.replace("devops-1", "ceo-1"))
    assert anchored.verify("--environment", anchored.file()).exit_code == 1
