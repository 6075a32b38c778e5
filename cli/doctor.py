"""`tminus doctor`: whether people and systems are what the files say, before a launch finds out."""

import json
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tminus.doctor.finding import Finding

_FILE = click.Path(path_type=Path)


@click.command("doctor")
@click.option("--people", required=True, type=_FILE, help="people.yaml.")
@click.option("--environment", required=True, type=_FILE, help="The environment file.")
@click.option("--runbook", type=_FILE, help="Also: has each role somebody, can each quorum be reached now?")
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of {level, about, said, then}.")
@click.pass_context
def command(ctx: click.Context, people: Path, environment: Path, runbook: Path | None, as_json: bool) -> None:
    """Looks if people and systems are what the files say.

    Slack ids and PagerDuty ids against those systems, keys, deputies, roles and quorums of the book, the ledger and its
    clock, Prefect, dead letters, and every secret's reference. It changes nothing anywhere. Exits 1 where anything
    FAILs; a system that does not answer is one of those.
    """
    from flows.starting import point_at
    from tasks.vocabulary import KINDS
    from tminus.doctor.examination import examine
    from tminus.doctor.finding import Level
    from tminus.environment import Environment
    from tminus.people import People
    from tminus.runbook_source import load
    from tminus.yaml_source import Source

    everybody = Source.read(people).load(People)
    place = Source.read(environment).load(Environment)
    book = load(runbook, KINDS) if runbook else None
    point_at(place.prefect.api)
    with _quiet():
        found = examine(everybody, place, book, [lambda: [_prefect(place.prefect.api)]])
    if as_json:
        plain = [{"level": one.level, "about": one.about, "said": one.said, "then": one.then} for one in found]
        click.echo(json.dumps(plain, ensure_ascii=False, indent=2))
    else:
        for one in found:
            click.secho(str(one), fg={Level.FAIL: "red", Level.WARN: "yellow"}.get(one.level))
        counts = [f"{sum(1 for one in found if one.level is level)} {level}" for level in Level]
        click.echo(", ".join(counts))
    ctx.exit(1 if any(one.level is Level.FAIL for one in found) else 0)


@contextmanager
def _quiet() -> "Iterator[None]":
    """The clients do not log what goes wrong, which is said in the findings."""
    loggers = [logging.getLogger(name) for name in ("pagerduty", "slack_sdk", "httpx")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _prefect(api: str) -> "Finding":
    """Whether Prefect answers, and knows what a launch starts."""
    import asyncio

    import prefect.client.orchestration  # noqa: F401 - what takes long is over before an answer is waited for

    from flows.starting import refuse_unready
    from tminus.doctor.finding import fail, ok
    from tminus.doctor.patience import NoAnswer, within
    from tminus.errors import UsageError

    try:
        within(lambda: asyncio.run(refuse_unready(api)))
    except (UsageError, NoAnswer) as e:
        return fail("prefect", f"{api}: {e}", "no launch can begin; mend it first")
    return ok("prefect", f"{api} answers, and has the deployments")
