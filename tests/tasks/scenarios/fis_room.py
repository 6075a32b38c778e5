"""Experiments of the Fault Injection Service as moto plays them: templates, and how fast they go on."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.moto_api import state_manager

from deployments.rehearsal.vendors.aws_moto import FakeAws
from tests.tasks.scenarios.conftest import REGION

ALARM = "aws:cloudwatch:alarm"


def made_template(aws: FakeAws, source: str = ALARM, value: str = f"arn:aws:cloudwatch:{REGION}:1:alarm:a") -> str:
    """A new template with one stop condition; its id."""
    client = boto3.client("fis", region_name=REGION, endpoint_url=aws.url)
    made = client.create_experiment_template(
        description="d",
        stopConditions=[{"source": source, **({"value": value} if value else {})}],
        targets={},
        actions={"slow": {"actionId": "aws:ebs:pause-volume-io", "parameters": {"duration": "PT1M"}}},
        roleArn="arn:aws:iam::123456789012:role/fis",
    )
    return str(made["experimentTemplate"]["id"])


@contextmanager
def paced(looks: int) -> Iterator[None]:
    """The block in which an experiment takes a step each time that it was looked at so often."""
    before = state_manager.get_transition("fis::experiment")
    state_manager.set_transition("fis::experiment", {"progression": "manual", "times": looks})
    try:
        yield
    finally:
        state_manager.set_transition("fis::experiment", before)
