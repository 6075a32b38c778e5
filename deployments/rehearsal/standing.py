"""What stands as long as its block lasts, and of which nothing is left where its start fails half-way."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from types import TracebackType
from typing import Self


class Standing(ABC):
    """Enter it to have it stand; leaving it ends all that was started, the latest first."""

    _ending: ExitStack

    @abstractmethod
    def stand(self, ending: ExitStack) -> None:
        """Starts everything, and gives `ending` what ends it."""

    def __enter__(self) -> Self:
        with ExitStack() as ending:
            self.stand(ending)
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.__exit__(kind, error, trace)
