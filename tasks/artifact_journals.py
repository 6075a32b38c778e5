"""A Chaos Toolkit journal: whether the experiment ran to its end, and whether the system held.

See https://chaostoolkit.org/reference/api/journal/.
"""

from dataclasses import dataclass

from pydantic import BaseModel, Field, JsonValue

from tasks.artifact_ages import Stamp, stamp, told
from tasks.artifact_files import ArtifactFile, shown
from tminus.errors import CouldNotObserve


class _State(BaseModel):
    met: bool = Field(alias="steady_state_met", default=False)


class _States(BaseModel):
    before: _State | None = None
    after: _State | None = None
    during: list[_State | None] = []


class _Experiment(BaseModel):
    title: str = ""
    dry: JsonValue = None


class _Activity(BaseModel):
    status: str = ""


class _Journal(BaseModel):
    experiment: _Experiment
    status: str
    deviated: bool
    steady_states: _States
    run: list[_Activity] | None = None
    end: str

    def completed(self) -> bool:
        """Whether its method was carried out to the end: every activity, and there was one."""
        done = [activity.status == "succeeded" for activity in self.run or ()]
        return self.status == "completed" and bool(done) and all(done)

    def held(self) -> bool:
        """Whether the steady state was met afterwards or throughout, and wherever else it was asked for.

        Where it was not met before, the toolkit stops, and says `completed` and not `deviated` all the same.
        """
        states = self.steady_states
        asked = [states.before, states.after, *states.during]
        proven = states.after is not None or bool(states.during)
        return proven and not self.deviated and all(state.met for state in asked if state is not None)


@dataclass(frozen=True, slots=True)
class Experiment:
    """What one journal says.

    Attributes:
        completed: every activity of the method was carried out.
        held: that, and the steady state was met, also when it was over.
    """

    title: str
    completed: bool
    held: bool
    made: Stamp

    def __str__(self) -> str:
        came_to = "held" if self.held else "did not hold" if self.completed else "was not carried out"
        return f"{shown(self.title)}: {came_to}"


def read(file: ArtifactFile) -> Experiment:
    """What a journal says; raises CouldNotObserve where it is none, or is of a dry run, which does nothing."""
    journal = file.parsed(_Journal, "a Chaos Toolkit journal")
    if journal.experiment.dry:
        raise CouldNotObserve(f"{file.name} is the journal of a dry run; run the experiment itself")
    completed = journal.completed()
    return Experiment(
        title=journal.experiment.title or file.name,
        completed=completed,
        held=completed and journal.held(),
        made=stamp(file, told(journal.end, file)),
    )
