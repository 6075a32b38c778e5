"""How much a service is told to sample, by Jaeger's remote sampling.

https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/sampling.proto describes the strategy.
"""

from dataclasses import dataclass

from pydantic import Field, TypeAdapter, ValidationError

from tasks.vendor_api import Page
from tminus.errors import CouldNotObserve

PATH = "/api/sampling"
_FORMS = {"PROBABILISTIC": "probabilistic", "0": "probabilistic", "RATE_LIMITING": "limited", "1": "limited"}


class _Share(Page):
    rate: float = Field(alias="samplingRate", default=0, ge=0, le=1)  # what is left out is 0, as in protobuf's JSON


class _Limit(Page):
    a_second: float = Field(alias="maxTracesPerSecond", default=0, ge=0)


class _Operation(Page):
    operation: str
    share: _Share = Field(alias="probabilisticSampling", default_factory=_Share)


class _Operations(Page):
    share: float = Field(alias="defaultSamplingProbability", default=0, ge=0, le=1)
    each: list[_Operation] = Field(alias="perOperationStrategies", default_factory=list)


class _Strategy(Page):
    form: str | int = Field(alias="strategyType", default="PROBABILISTIC")
    share: _Share | None = Field(alias="probabilisticSampling", default=None)
    limit: _Limit | None = Field(alias="rateLimitingSampling", default=None)
    operations: _Operations | None = Field(alias="operationSampling", default=None)


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a service is told.

    Attributes:
        form: `probabilistic` or `limited` (so many traces a second).
        share: the share of new traces that is kept, 0 to 1; None where it is limited instead.
        operations: operation → its own share.
    """

    form: str
    share: float | None
    operations: dict[str, float]


def sampling(body: bytes, where: str) -> Sampling:
    """Reads a strategy; raises CouldNotObserve where it is none."""
    try:
        said = TypeAdapter(_Strategy).validate_json(body)
    except ValidationError as e:
        raise CouldNotObserve(f"{where}: the answer is no sampling strategy; is remote sampling served there?") from e
    form = _FORMS.get(str(said.form), "")
    known = said.operations.share if said.operations else said.share.rate if said.share else None
    if not form or (form == "limited") != (said.limit is not None) or (form == "probabilistic") == (known is None):
        raise CouldNotObserve(f"{where}: the answer says neither a share of the traces nor a limit")
    operations = {one.operation: one.share.rate for one in said.operations.each} if said.operations else {}
    return Sampling(form, known, operations)
