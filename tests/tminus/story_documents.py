"""The four files that the told launches froze."""

from datetime import UTC, datetime
from pathlib import Path

from tminus import events as ev
from tminus.environment import Environment
from tminus.frozen import digest_of
from tminus.yaml_source import Source

DATA = Path(__file__).parent.parent / "data"


T0 = datetime(2026, 11, 22, 2, 31, 0, tzinfo=UTC)


def created_launch(folder: Path, title: str, hour: str, launch: str, at: datetime) -> ev.LaunchCreated:
    release = Source.read(DATA / "release.yaml").freeze()
    runbook = Source.read(DATA / "story_book.yaml").freeze()
    people = Source.read(DATA / "people.yaml").freeze()
    place = Source.read(DATA / "environment.yaml").load(Environment)
    place = place.model_copy(update={"clock": type(place.clock).model_validate({"hour": hour})})
    environment = place.model_dump_json(exclude_none=True)
    documents = {"release": release, "runbook": runbook, "people": people, "environment": environment}
    return ev.LaunchCreated(
        at=at,
        launch=launch,
        system="tradesense",
        title=title,
        environment_name=place.environment,
        t0=T0,
        started_by="engineer-1",
        base=str(folder),
        digests={name: digest_of(text) for name, text in documents.items()},
        **documents,
    )
