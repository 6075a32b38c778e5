"""Where a stop lever is: read of files that may have mistakes anywhere else, since stopping must not wait for these."""

from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from tminus.drills.book import FILE
from tminus.environment import Ledger
from tminus.errors import BookError
from tminus.runbook import Slug
from tminus.yaml_source import Source

_M = TypeVar("_M", bound=BaseModel)


class LeverPlace(NamedTuple):
    """Whose drills, where, and in which ledger that is written down."""

    system: str
    environment: str
    ledger: Ledger


class _Book(BaseModel):
    drills: Slug


class _Environment(BaseModel):
    environment: str
    ledger: Ledger


def read_place(runbook: Path, environment: Path) -> LeverPlace:
    """Of the book (or the folder that holds it) the system's name, of the environment file its own and its ledger.

    Raises BookError where one of these is wrong or a file is no YAML, UsageError where a file is not there.
    """
    book = _read(runbook / FILE if runbook.is_dir() else runbook, _Book)
    place = _read(environment, _Environment)
    return LeverPlace(book.drills, place.environment, place.ledger)


def _read(path: Path, model: type[_M]) -> _M:
    source = Source.read(path)
    try:
        return model.model_validate(source.data)
    except ValidationError as e:
        raise BookError(tuple(source.mistakes(e.errors(), model))) from e
