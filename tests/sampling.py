"""Of many cases of one rule `make test` plays a few; the others are long, and `make sweep` plays them all."""

from collections.abc import Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

_Case = TypeVar("_Case")


def few(cases: Iterable[_Case], *kept: _Case) -> list[_Case | ParameterSet]:
    """The cases in their order, all but the kept ones long; raises ValueError where a kept one is none of them."""
    listed = list(cases)
    if strange := [case for case in kept if case not in listed]:
        raise ValueError(f"no such case: {strange}")
    return [case if case in kept else pytest.param(case, marks=pytest.mark.long) for case in listed]
