"""A team's experiment of Chaos Toolkit, as a file: https://chaostoolkit.org/reference/api/experiment/."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from ruamel.yaml.error import YAMLError

from tminus.errors import NotConfigured, Refused
from tminus.yaml_document import parse

_LARGEST = 1024 * 1024  # bytes
_Activities = Sequence[Mapping[str, JsonValue]]


class _Hypothesis(BaseModel, extra="ignore"):
    title: str = ""
    probes: _Activities = Field(min_length=1)


class _Experiment(BaseModel):
    """What is looked at; everything else is left as it is."""

    model_config = ConfigDict(extra="allow")

    title: str
    hypothesis: _Hypothesis | None = Field(default=None, alias="steady-state-hypothesis")
    method: _Activities
    rollbacks: _Activities = ()


@dataclass(frozen=True)
class ChaosExperiment:
    """An experiment as it was read.

    Attributes:
        path: the file.
        text: its bytes, of which `digest` is the SHA-256.
    """

    path: Path
    text: bytes
    _read: _Experiment

    @classmethod
    def read(cls, path: Path) -> "ChaosExperiment":
        """Raises NotConfigured where it is not there, Refused where it is none."""
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST + 1)
        except OSError as e:
            raise NotConfigured(f"{path}: the experiment cannot be read ({e.strerror}); nothing was changed") from e
        if len(text) > _LARGEST:
            raise Refused(f"{path}: beyond the {_LARGEST} bytes that are read of an experiment")
        return cls.of(path, text)

    @classmethod
    def of(cls, path: Path, text: bytes) -> "ChaosExperiment":
        """The experiment that is in these bytes; raises Refused where it is none."""
        try:
            return cls(path, text, _Experiment.model_validate(parse(text.decode()).data))
        except (YAMLError, UnicodeDecodeError):
            raise Refused(f"{path}: no YAML or JSON in UTF-8; `chaos validate` says more") from None
        except ValidationError as e:
            first = e.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Refused(f"{path}: no experiment of Chaos Toolkit ({where}: {first['msg']})") from None

    @property
    def digest(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def rollbacks(self) -> int:
        """How many there are."""
        return len(self._read.rollbacks)

    def require_undoable(self, *, without_rollbacks: bool) -> None:
        """Raises Refused where nobody could tell that it deviated, or nothing would undo it."""
        if self._read.hypothesis is None:
            raise Refused(
                f"{self.path} has no steady-state-hypothesis with probes, so it could not tell whether anything "
                "deviated; add one"
            )
        if self._read.method and not self.rollbacks and not without_rollbacks:
            raise Refused(
                f"{self.path} has a method and no rollbacks, so nothing would undo it; add rollbacks, or say "
                "`without_rollbacks: true` in the book where what it does ends by itself"
            )

    def rollbacks_alone(self) -> str:
        """The experiment in JSON that does nothing but its rollbacks; those that are a `ref` are written out."""
        whole: dict[str, JsonValue] = self._read.model_dump(mode="json", by_alias=True, exclude_unset=True)
        named = {str(one["name"]): one for one in self._all() if "name" in one}
        rollbacks = [dict(named.get(str(one.get("ref")), one)) for one in self._read.rollbacks]
        whole.pop("steady-state-hypothesis", None)
        return json.dumps({**whole, "method": [], "rollbacks": cast("JsonValue", rollbacks)}, ensure_ascii=False)

    def _all(self) -> Iterator[Mapping[str, JsonValue]]:
        yield from self._read.hypothesis.probes if self._read.hypothesis else ()
        yield from self._read.method
        yield from self._read.rollbacks
