"""`tminus doctor` where everything is as a rehearsal leaves it: all that it asks is answered, and nothing is wrong."""

from tests.launch.stage import BOOK, Stage


def test_it_finds_nothing_wrong(stage: Stage) -> None:
    """Slack, PagerDuty, Prefect, the ledger and every person; what the environment cannot resolve is its test's own."""
    files = stage.estate.documents
    words = ("--people", str(files.people), "--environment", str(files.environment), "--runbook", str(BOOK))
    found = stage.tminus("doctor", *words)
    assert found.returncode == 0, found.stdout + found.stderr
    assert " 0 warn, 0 FAIL" in found.stdout
    for line in (
        "ok    pagerduty: the service is there",
        "ok    pagerduty: the policy of devops_lead is there",
        "ok    devops-lead: PagerDuty's PPERSON02, by its e-mail",
        "ok    devops-lead: Slack's U0PERSON02, by its e-mail",
    ):
        assert line in found.stdout
