"""What AWS may answer, and what the checks make of it: a refusal, a page more, garbage."""

import json
from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from tasks.vocabulary import KINDS
from tests.conftest import Estates
from tests.sampling import few
from tests.tasks.aws.scripted import SECRETS, always, outcome, refusal, scripted, xml_refusal
from tminus.outcome import Verdict

# Each kind with an expectation that nothing but a whole answer could satisfy.
EVERY: dict[str, tuple[dict[str, JsonValue], dict[str, str]]] = {
    "aws.secrets": ({"secrets": ["vatic/database"]}, {"oldest": "< 90 d"}),
    "aws.key": ({"alias": "vatic"}, {"rotation": "= yes"}),
    "aws.bucket": ({"bucket": "backups"}, {"encrypted": "= aws:kms"}),
    "aws.objects": ({"bucket": "backups"}, {"gaps": "= 0"}),
    "aws.database": ({"instance": "vatic"}, {"multi_az": "= yes"}),
    "aws.log_groups": ({"groups": ["/vatic/orders"]}, {"retention": ">= 30 d"}),
    "aws.log_lines": ({"group": "/vatic/orders"}, {"unmasked": "= 0"}),
    "aws.log_search": ({"group": "/vatic/orders", "pattern": '"x"'}, {"found": ">= 1"}),
    "aws.alarms": ({"alarms": ["HighLatency"]}, {"blind": "= 0"}),
    "aws.budget": ({"budget": "monthly"}, {"spent": "< 80 %"}),
    "aws.cluster": ({"cluster": "vatic"}, {"public": "= no"}),
    "aws.load_balancer": ({"name": "vatic-api"}, {"healthy": "= all"}),
    "aws.waf": ({"acl": "vatic"}, {"blocking": "= all"}),
    "aws.shield": ({}, {"protected": ">= 1"}),
    "aws.backup_plan": ({"plan": "vatic"}, {"retention": ">= 30 d"}),
}
GARBAGE = [
    b"",
    b"null",
    b"5",
    b"[]",
    b"{}",
    b'"\\ud800"',
    b"not json",
    b"<html><body>Sign in</body></html>",
    b"<?xml version='1.0'?><a><b>",
    b"\xff\xfe\x00",
    b"[" * 5000,
]
# A document in which whatever a check looks for is there, and is of another type.
NAMES = (
    *(
        "SecretList",
        "Versions",
        "KeyMetadata",
        "logGroups",
        "logStreams",
        "events",
        "MetricAlarms",
        "Account",
        "Budget",
    ),
    *("cluster", "nodegroups", "WebACLs", "Subscription", "Protections", "BackupPlansList", "Name", "ARN"),
)
WRONG: list[JsonValue] = [5, "text", True, [], [5], [None], {}, {"x": []}, [[]], -1]


def test_no_kind_is_left_out() -> None:
    """Whatever kind of AWS there is, the tests of this module hold it to them."""
    assert {kind for kind in KINDS if kind.startswith("aws.")} == set(EVERY)


@pytest.mark.parametrize("kind", few(EVERY, *list(EVERY)[1::3]))
async def test_an_answer_that_is_none_is_unknown(estates: Estates, kind: str) -> None:
    """A login page, an empty or broken document with status 200: the sentence names the call, and nothing passes."""
    given, expect = EVERY[kind]
    with scripted(always(200, b"")) as server:
        for body in GARBAGE:
            server.answers = always(200, body)
            found = await outcome(estates, server.url, kind, given, **expect)
            assert found.verdict is Verdict.UNKNOWN, (body[:40], found.summary)
            assert "in eu-central-1: " in found.summary or "in us-east-1: " in found.summary
            assert len(found.summary) < 400


@pytest.mark.parametrize("kind", few(EVERY, *list(EVERY)[::3]))
async def test_an_answer_of_other_types_never_passes(estates: Estates, kind: str) -> None:
    """A number for a list, a list of nulls for a structure: not one of them reads as good, and none is a crash."""
    given, expect = EVERY[kind]
    with scripted(always(200, b"")) as server:
        for wrong in WRONG:
            server.answers = always(200, json.dumps(dict.fromkeys(NAMES, wrong)).encode())
            found = await outcome(estates, server.url, kind, given, **expect)
            assert found.verdict in {Verdict.UNKNOWN, Verdict.FAIL}, (wrong, found.summary)


@pytest.mark.parametrize("kind", few(EVERY, *list(EVERY)[2::3]))
async def test_a_server_error_is_unknown_after_a_few_tries(estates: Estates, kind: str) -> None:
    """Status 500 is tried again, four times in all, and no more."""
    given, expect = EVERY[kind]
    with scripted(always(500, b"<h1>Internal Server Error</h1>")) as server:
        found = await outcome(estates, server.url, kind, given, **expect)
    assert found.verdict is Verdict.UNKNOWN
    assert set(server.calls.values()) == {4}


DENIED = [
    ("aws.secrets", refusal("AccessDeniedException"), "secretsmanager:DescribeSecret"),
    ("aws.log_groups", refusal("AccessDeniedException"), "logs:DescribeLogGroups"),
    ("aws.alarms", refusal("AccessDenied"), "cloudwatch:DescribeAlarms"),
    ("aws.cluster", refusal("AccessDeniedException"), "eks:DescribeCluster"),
    ("aws.backup_plan", refusal("AccessDeniedException"), "backup:ListBackupPlans"),
    ("aws.load_balancer", xml_refusal("AccessDenied"), "elasticloadbalancing:DescribeLoadBalancers"),
    ("aws.database", xml_refusal("AccessDenied"), "rds:DescribeDBInstances"),
    ("aws.bucket", b"<Error><Code>AccessDenied</Code></Error>", "s3:GetBucketVersioning"),
    ("aws.objects", b"<Error><Code>AccessDenied</Code></Error>", "s3:ListBucket"),
]


@pytest.mark.parametrize(("kind", "body", "permission"), DENIED)
async def test_a_refusal_says_which_permission_is_missing(
    estates: Estates, kind: str, body: bytes, permission: str
) -> None:
    """Access denied is unknown, names the permission that a policy must allow, and repeats nothing of AWS's text."""
    given, expect = EVERY[kind]
    with scripted(always(403, body)) as server:
        found = await outcome(estates, server.url, kind, given, **expect)
    assert found.verdict is Verdict.UNKNOWN
    assert f"{permission} is not allowed" in found.summary
    assert "arn:" not in found.summary


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredTokenException", "the credentials are refused (ExpiredTokenException)"),
        ("UnrecognizedClientException", "the credentials are refused"),
        ("RequestExpired", "look at the clock here"),
        ("SomethingNew", "is answered with SomethingNew"),
        ("<b>not a code</b>", "an error without a code"),
    ],
)
async def test_other_refusals_say_what_to_do(estates: Estates, code: str, said: str) -> None:
    """Credentials that ran out, a wrong clock, a code that nobody knows: each in words of its own."""
    with scripted(always(400, refusal(code))) as server:
        found = await outcome(estates, server.url, "aws.secrets", {"secrets": "all"}, rotating="= all")
    assert found.verdict is Verdict.UNKNOWN
    assert said in found.summary


async def test_who_is_asked_too_often_is_asked_again(estates: Estates) -> None:
    """Throttled twice, then answered: the answer counts. Throttled for ever: unknown, after four tries."""
    refusals = iter([1, 2])

    def busy(_call: str, _asked: Mapping[str, JsonValue]) -> tuple[int, bytes]:
        return (400, refusal("ThrottlingException")) if next(refusals, None) else (200, SECRETS)

    with scripted(busy) as server:
        found = await outcome(estates, server.url, "aws.secrets", {"secrets": "all"}, rotating="= all")
    assert found.verdict is Verdict.PASS
    with scripted(always(400, refusal("ThrottlingException"))) as server:
        found = await outcome(estates, server.url, "aws.secrets", {"secrets": "all"}, rotating="= all")
    assert found.verdict is Verdict.UNKNOWN
    assert "secretsmanager:ListSecrets is asked too often (ThrottlingException)" in found.summary
    assert server.calls["ListSecrets"] == 4
