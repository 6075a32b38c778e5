"""The fake of AWS: several in one process share what moto keeps."""

from pathlib import Path

from bench.worlds.aws import AwsWorld
from bench.worlds.aws_secrets import AwsSecretsWorld
from deployments.rehearsal.vendors.aws_moto import state_of_all


class _Empty(AwsWorld):
    system = "aws-empty"
    cases = ()

    def build(self) -> None:
        """Nothing."""


def test_a_second_fake_leaves_what_the_first_one_has(tmp_path: Path) -> None:
    """What is in one stays while another begins and ends, and is gone after the last one."""
    first, second = AwsSecretsWorld(tmp_path / "first"), _Empty(tmp_path / "second")
    with first.running():
        before = _secrets(first)
        with second.running():
            assert _secrets(second) == before
        assert _secrets(first) == before != set()
    assert not state_of_all("secretsmanager")


def _secrets(world: AwsWorld) -> set[str]:
    return {str(one["Name"]) for one in world.call("secretsmanager", "ListSecrets")["SecretList"]}
