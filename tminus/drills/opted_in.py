"""What production wants of a drill before it is played: whatever it breaks is opted in to, and signed for."""

from collections.abc import Collection

from tminus.drills.book import DrillsBook


def why_not_in_production(book: DrillsBook, name: str, allowed: Collection[str]) -> str:
    """Why a scenario may not be played there; "" where it may.

    Args:
        book: the system's.
        name: the scenario.
        allowed: the environment's `drills.allowed`.
    """
    drill = book.scenarios[name]
    if missing := [one for one in (name, *drill.others) if one not in allowed]:
        return (
            f"nobody opted in to {', '.join(missing)} there: name each scenario and each of its parts in the "
            "environment's `drills.allowed`"
        )
    parts = {other: book.scenarios[other].may_lose for other in drill.others}
    together = sum(parts.values())
    if drill.may_lose < together:
        each = ", ".join(f"{other} {lost}" for other, lost in parts.items() if lost)
        return (
            f"{name} may lose {drill.may_lose} acknowledged writes, and its parts {together} together ({each}); "
            f"whoever says yes to it signs for all of them, so write `may_lose: {together}` or more"
        )
    return ""
