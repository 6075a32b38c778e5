"""An operation: something done to an environment outside a launch, approved, recorded, and never beside a launch."""

from datetime import datetime

_PREFIX = "operation-"


def operation_chain(system: str, what: str, begun: datetime) -> str:
    """The chain of one operation; those of one system and sort stand in the order of time."""
    return f"{_PREFIX}{system}-{what}-{begun:%Y%m%d-%H%M%S-%f}"


def is_operation(chain: str) -> bool:
    """Whether a chain holds an operation, and so no launch."""
    return chain.startswith(_PREFIX)
