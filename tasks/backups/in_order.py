"""Many small waits at once, their results in the order of what was asked, and never more than a few under way."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


def in_order(work: Callable[[_Asked], _Answer], asked: Iterable[_Asked], workers: int = 8) -> Iterator[_Answer]:
    """Each answer in turn, by `workers` threads; what one of them raises is raised when its turn has come.

    `asked` is read as far ahead as there are workers, so it may be as long as it likes.
    """
    under_way: deque[Future[_Answer]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="tminus-object") as pool:
        try:
            for one in asked:
                under_way.append(pool.submit(copy_context().run, work, one))
                if len(under_way) > workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
