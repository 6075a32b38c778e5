"""What people are asked about a rotation."""

from tminus import events as ev
from tminus.asked_change import Change
from tminus.chain_names import rotations_asked
from tminus.rotations.opened import OpenedSecrets

ASK = "rotation"
"""What the question is called."""


def change_of(opened: OpenedSecrets, asked: ev.RotationAsked, roles: tuple[str, ...]) -> Change:
    """The rotation of one secret, as those roles are asked about it."""
    policy = opened.book.rotations[asked.secret]
    return Change(
        what=ASK,
        step="rotate",
        system=opened.system,
        of=asked.secret,
        title=f"{policy.title} is rotated",
        owner=policy.owner,
        chains=rotations_asked(opened.system, opened.environment.environment, asked.secret),
        text=_text(opened, asked),
        roles=roles,
    )


def _text(opened: OpenedSecrets, asked: ev.RotationAsked) -> str:
    place = f"{opened.system} in {opened.environment.environment}"
    why = f" {asked.asked_by or 'The schedule'}: {asked.reason}" if asked.reason else ""
    if not asked.at_once:
        return f"Rotate {asked.secret} ({asked.stored_as}) of {place}? The old value works on beside the new one.{why}"
    cut = "\n".join(f"  cut off at once: {one}" for one in asked.cut_off) or "  nobody was seen using it"
    return f"{asked.secret} ({asked.stored_as}) of {place} leaked: cut its value off at once?{why}\n{cut}"
