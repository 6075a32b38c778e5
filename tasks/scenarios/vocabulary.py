"""SCENARIOS: for each kind of drill the one class that plays it, found by walking tasks/scenarios/."""

from collections.abc import Mapping

import tasks.scenarios
from tasks.scenarios.scenario import Scenario
from tasks.walked import kinds_in

SCENARIOS: Mapping[str, type[Scenario]] = kinds_in(tasks.scenarios, Scenario)  # type: ignore[type-abstract]  # the base of what is looked for
