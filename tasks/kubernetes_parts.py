"""What Kubernetes' objects are made of: metadata, conditions, label selectors and quantities."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A part of an object, read by Kubernetes' own names; what is not asked for is ignored.

    Go writes an empty list or map as null in some places and leaves it out in others, so a null is read as absent.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, value: object) -> object:
        return {name: one for name, one in value.items() if one is not None} if isinstance(value, dict) else value


Name = Annotated[str, Field(min_length=1, max_length=253)]
"""An object's name: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/."""

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A count of replicas, restarts or pods, all of which are int32."""

Labels = Mapping[str, str]


class Owner(Part):
    """Who made an object."""

    kind: str
    name: Name
    controller: bool = False


class Meta(Part):
    """An object's metadata."""

    name: Name
    uid: str = ""
    resource_version: str = ""
    namespace: str = ""
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)
    generation: int = 0
    creation_timestamp: AwareDatetime = datetime.max.replace(tzinfo=UTC)
    deletion_timestamp: AwareDatetime | None = None
    owner_references: Sequence[Owner] = ()


class Thing(Part):
    """An object."""

    metadata: Meta

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def terminating(self) -> bool:
        """Whether it is being deleted, and only waits for what must come first."""
        return self.metadata.deletion_timestamp is not None


class Condition(Part):
    """One of an object's conditions; `Unknown` means that nobody has told the API server for a while."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.type[:80]} {self.status}" + (f" ({self.reason[:80]})" if self.reason else "")


def condition(conditions: Sequence[Condition], kind: str) -> Condition:
    """The condition of that type; `Unknown` where it was never set."""
    return next((one for one in conditions if one.type == kind), Condition(type=kind, status="Unknown"))


class Requirement(Part):
    """One of a selector's expressions."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: Sequence[str] = ()

    def holds(self, labels: Labels) -> bool:
        """Whether labels are as required; a missing label is in no set, so `NotIn` holds for it."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels


class Selector(Part):
    """A label selector; an empty one selects everything.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors.
    """

    match_labels: Labels = Field(default_factory=dict)
    match_expressions: Sequence[Requirement] = ()

    def selects(self, labels: Labels) -> bool:
        """Whether all that it asks for holds of these labels."""
        equal = all(labels.get(key) == value for key, value in self.match_labels.items())
        return equal and all(one.holds(labels) for one in self.match_expressions)

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing, and so selects everything."""
        return not self.match_labels and not self.match_expressions


_SUFFIX: Mapping[str, Decimal] = {
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{
        suffix: Decimal(1000) ** power
        for power, suffix in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
    },
}
_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}))(?:[eE]([+-]?[0-9]{1,3})|([KMGTPE]i|[numkMGTPE])?)"
)


def quantity(text: object) -> Decimal:
    """`500m`, `1Gi`, `2`, `1e3` as a number; raises ValueError.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
    """
    match = _QUANTITY.fullmatch(str(text))
    if not match:
        raise ValueError("no quantity, such as 500m or 1Gi")
    number, exponent, suffix = match.groups()
    return Decimal(number).scaleb(int(exponent)) if exponent else Decimal(number) * _SUFFIX[suffix or ""]


def _whole(value: object) -> object:
    return value if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _share(value: int | str) -> int | str:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,9}%", value):
        raise ValueError("neither a whole number nor a percentage such as 50%")
    return value


CountOrShare = Annotated[int | str, BeforeValidator(_whole), AfterValidator(_share)]
"""`2` or `50%`: https://kubernetes.io/docs/tasks/run-application/configure-pdb/."""


def of_whole(value: int | str, whole: int) -> int:
    """How many of `whole` are meant; a percentage is rounded up, as Kubernetes does for disruption budgets."""
    return value if isinstance(value, int) else -(-int(value.removesuffix("%")) * whole // 100)


Quantities = Mapping[str, Annotated[Decimal, BeforeValidator(quantity)]]
