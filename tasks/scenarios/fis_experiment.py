"""Experiments of AWS' Fault Injection Service: their templates, and those that were started, as its API has them.

See https://docs.aws.amazon.com/fis/latest/APIReference/Welcome.html. A drill's experiment is found by its tag, so that
whoever comes after a kill finds it as well. All of it blocks: call it from a thread.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field, JsonValue

from tasks.aws_client import CAMEL, AwsService, CamelAnswer
from tminus.foreign_text import one_line, printable
from tminus.frozen import digest_of

_TAG = "tminus-drill"
_REASON = 200  # characters of AWS' own words
_ALARM = "aws:cloudwatch:alarm"


class _StopCondition(CamelAnswer):
    source: str
    value: str = ""


class Template(CamelAnswer):
    """What of an experiment template says what its experiments do."""

    actions: Mapping[str, JsonValue] = {}
    targets: Mapping[str, JsonValue] = {}
    stop_conditions: Sequence[_StopCondition] = ()
    role_arn: str = ""
    experiment_options: JsonValue = None
    accounts: int = Field(default=0, alias="targetAccountConfigurationsCount")
    changed: datetime | None = Field(default=None, alias="lastUpdateTime")

    @property
    def wrong(self) -> str:
        """Why no drill begins with it; "" where one may."""
        if any(one.source == _ALARM and one.value for one in self.stop_conditions):
            return ""
        return "has no stop condition that is an alarm of CloudWatch, so that nothing would end it but a person"

    @property
    def digest(self) -> str:
        """Of all that, and of when it was changed."""
        return digest_of(json.dumps(self.model_dump(mode="json"), sort_keys=True))


class _State(CamelAnswer):
    status: str
    reason: str = ""


class Experiment(CamelAnswer):
    """One that was started."""

    id: str
    state: _State
    tags: Mapping[str, str] = {}

    @property
    def goes_on(self) -> bool:
        """Whether it is not over."""
        return self.state.status not in {"completed", "stopped", "failed", "cancelled"}

    @property
    def said(self) -> str:
        """What it is, with AWS' reason, for people."""
        reason = one_line(printable(self.state.reason))[:_REASON]
        return f"{self.id[:40]} is {self.state.status[:40]}{f' ({reason})' if reason else ''}"


class _OneTemplate(CamelAnswer):
    experiment_template: Template


class _One(CamelAnswer):
    experiment: Experiment


class _Page(CamelAnswer):
    experiments: Sequence[Experiment] = ()


def template(fis: AwsService, name: str) -> Template:
    """As it is now; raises NotThere, CouldNotObserve."""
    return fis.read(_OneTemplate, "GetExperimentTemplate", id=name).experiment_template


def started(fis: AwsService, name: str, token: str) -> Experiment:
    """The template's experiment with that token: the one that it started before, where it did.

    Raises CouldNotObserve, also where nobody knows whether it was started.
    """
    tags: JsonValue = {_TAG: token}
    return fis.order(_One, "StartExperiment", clientToken=token, experimentTemplateId=name, tags=tags).experiment


def found(fis: AwsService, name: str, token: str) -> Experiment | None:
    """The template's experiment with that token; None where AWS lists none. Raises CouldNotObserve."""
    ours = [one for one in _listed(fis, name) if one.tags.get(_TAG) == token]
    return fis.read(_One, "GetExperiment", id=ours[0].id).experiment if ours else None


def under_way(fis: AwsService, name: str) -> Sequence[Experiment]:
    """All experiments of the template that are not over; raises CouldNotObserve."""
    return [one for one in _listed(fis, name) if one.goes_on]


def told_to_stop(fis: AwsService, experiment: Experiment) -> None:
    """Tells it to end before it is over; raises CouldNotObserve."""
    fis.order(_One, "StopExperiment", id=experiment.id)


def _listed(fis: AwsService, name: str) -> Sequence[Experiment]:
    pages = fis.pages(_Page, "ListExperiments", CAMEL, experimentTemplateId=name)
    return [one for page in pages for one in page.experiments]
