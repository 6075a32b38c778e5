"""Whether trading is halted, by the check that the book of backups names."""

from pydantic import ValidationError

from tasks.check import Check
from tasks.vocabulary import KINDS
from tminus.backups.halted import Halted
from tminus.errors import UsageError
from tminus.wording import nearest


def check_of(halted: Halted) -> Check:
    """The check; raises UsageError where there is no such kind, or it does not take these parameters."""
    kind = KINDS.get(halted.check)
    if kind is None or not issubclass(kind, Check):
        checks = [name for name, one in KINDS.items() if issubclass(one, Check)]
        raise UsageError(f"halted: no check is called {halted.check!r}{nearest(halted.check, checks)}")
    try:
        return kind.model_validate({**halted.parameters, "expect": halted.expect})
    except ValidationError as e:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in e.errors())
        raise UsageError(f"halted: {halted.check}: {wrong}") from e
