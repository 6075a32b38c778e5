"""Services that page nobody while a drill makes them noisy: for how long, and what becomes of it if they cannot."""

from datetime import timedelta

from tminus.clock import show_duration
from tminus.cross_check import own_pages_silenced
from tminus.drills.book import Drill
from tminus.environment import Environment, Kind

_TIMES = 6  # patience: one for each of the five stages, and one for the look at the steady state afterwards


def longest(drill: Drill, environment: Environment) -> timedelta:
    """How long a drill may take, undoing and all; so long a maintenance window lasts that nobody ends."""
    patience = drill.patience or (environment.drills.patience if environment.drills else timedelta(0))
    return drill.lead_in + _TIMES * patience


def is_required(environment: Environment) -> bool:
    """Whether no drill is played there without its window: as `drills.without_window` says, else in production."""
    said = environment.drills.without_window if environment.drills else None
    return said == "refuse" if said else environment.kind is Kind.PRODUCTION


def why_never_quiet(drill: Drill, environment: Environment) -> str:
    """Why its services cannot, or must not, be quiet there; "" where they can be, and where it names none."""
    if not drill.quiet:
        return ""
    place = environment.environment
    if environment.pagerduty is None or environment.pagerduty.rest is None:
        return f"{place} has no pagerduty.rest, by which maintenance windows are opened; add it, or leave `quiet` out"
    return own_pages_silenced(drill.quiet, environment)


def quiet_said(drill: Drill, environment: Environment) -> str:
    """For whoever approves it; "" where it names none."""
    if not drill.quiet:
        return ""
    return (
        f"Meanwhile {', '.join(drill.quiet)} page nobody, for {show_duration(longest(drill, environment))} at the most."
    )
