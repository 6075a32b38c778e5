"""The file that says who the simulated people are, and how each of them answers."""

import random
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Behaviour = Literal["approve", "reject", "hold", "silent"]
Decision = Literal["approve", "reject", "hold", "acknowledge", "attest"]
Seconds = Annotated[float, Field(ge=0)]


class PeopleFileError(Exception):
    """The file cannot be used; the message says which field and why."""


class Person(BaseModel):
    """One simulated person; `roles` are those that their answer counts for.

    With `when` (a shell pattern) the behaviour is for requests whose id matches; all others get `otherwise`. `delay`
    is the least and the most time in seconds from being asked to answering. `environment` is added to that of the
    answer command.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=1)]
    slack_id: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,}$")]
    roles: Annotated[frozenset[str], Field(min_length=1)]
    behaviour: Behaviour = "approve"
    when: str | None = None
    otherwise: Behaviour = "approve"
    delay: tuple[Seconds, Seconds] = (0.2, 0.8)
    environment: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _delay_in_order(self) -> Self:
        if self.delay[0] > self.delay[1]:
            raise ValueError(f"delay is [least, most] in seconds; {self.delay[0]} is more than {self.delay[1]}")
        return self

    def decision(self, request: str, offered: Collection[str]) -> Decision | None:
        """What this person answers to this request, out of what is offered; None where they say nothing.

        Everyone who is not silent acknowledges what can only be acknowledged, and attests what can only be attested.
        """
        matches = self.when is None or fnmatchcase(request, self.when)
        behaviour = self.behaviour if matches else self.otherwise
        if behaviour == "silent":
            return None
        if behaviour in offered:
            return behaviour
        plain: tuple[Decision, ...] = ("acknowledge", "attest")
        return next((decision for decision in plain if decision in offered), None)


class People(BaseModel):
    """All simulated people, and the commands with which they answer while Slack is down.

    `pending_command` prints the open requests as JSON; `answer_command` may hold {request}, {role}, {person},
    {decision}, {launch} and {digest} (of what is asked), and `answer_commands` has others for single decisions.
    `command_poll` is the time in seconds between two looks at what is pending.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    people: Annotated[tuple[Person, ...], Field(min_length=1)]
    pending_command: tuple[str, ...] = ()
    answer_command: tuple[str, ...] = ()
    answer_commands: Mapping[Decision, tuple[str, ...]] = {}
    command_poll: Annotated[float, Field(ge=0.2)] = 1.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [person.id for person in self.people]
        if len(set(names)) < len(names):
            raise ValueError("two people have the same id")
        if bool(self.pending_command) != bool(self.answer_command):
            raise ValueError("pending_command and answer_command are given together or not at all")
        return self

    def command_for(self, decision: Decision) -> tuple[str, ...]:
        """What is run for this decision, its placeholders not filled yet."""
        return self.answer_commands.get(decision, self.answer_command)

    def with_role(self, role: str) -> list[Person]:
        """Everyone who has this role."""
        return [person for person in self.people if role in person.roles]

    def delay(self, person: Person, occasion: str) -> float:
        """Seconds until this person answers; the same for the same seed, person and occasion."""
        return random.Random(f"{self.seed}:{person.id}:{occasion}").uniform(*person.delay)


def load(path: Path) -> People:
    """Read a people file; raises PeopleFileError, naming file and fields, where it cannot be used."""
    try:
        return People.model_validate(YAML(typ="safe").load(path))
    except (OSError, YAMLError) as error:
        raise PeopleFileError(f"{path}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors(include_url=False)
        )
        raise PeopleFileError(f"{path}: {wrong}") from error
