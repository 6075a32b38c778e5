"""ROTATORS: for each kind of secret the one class that rotates it, found by walking tasks/rotators/."""

from collections.abc import Mapping

import tasks.rotators
from tasks.rotators.rotator import Rotator
from tasks.walked import kinds_in

ROTATORS: Mapping[str, type[Rotator]] = kinds_in(tasks.rotators, Rotator)  # type: ignore[type-abstract]  # the base of what is looked for
