"""How people in Slack get in, as an environment says: over a connection of ours, through a public door, or both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.routing import Route

from tminus.credentials import resolve
from tminus.drills.orders import DrillOrders
from tminus.environment import Slack
from tminus.gateway import Part
from tminus.ledger.store import Store
from tminus.runbook import Spec
from tminus.signing_secrets import SigningSecrets
from tminus.slack_answers import SlackAnswers
from tminus.slack_door import SlackDoor
from tminus.slack_intake import SlackIntake
from tminus.slack_socket import SlackSocket


@dataclass(frozen=True)
class SlackWaysIn:
    """What the gateway runs for Slack; nothing where the environment has none.

    Attributes:
        parts: what runs.
        routes: the doors that lead to some of it.
        socket: what keeps a connection open; None where there is none.
    """

    parts: Sequence[Part] = ()
    routes: Sequence[Route] = ()
    socket: SlackSocket | None = None


def open_slack(
    settings: Slack | None,
    kinds: Mapping[str, type[Spec]],
    ledger: Callable[[], Store],
    drills: DrillOrders | None = None,
) -> SlackWaysIn:
    """The ways in that the environment has.

    Args:
        settings: the environment's section.
        kinds: the vocabulary, to read books.
        ledger: opens a store of its own.
        drills: stops drills; None where the environment has none.

    Raises MissingSecret, UsageError, LedgerError.
    """
    if settings is None:
        return SlackWaysIn()
    signing = SigningSecrets([settings.signing_secret]) if settings.signing_secret else None
    opens = resolve(settings.app_token) if settings.app_token else None
    store, token = ledger(), partial(resolve, settings.token)
    door = SlackDoor(store, kinds, signing, settings.api, token, drills) if signing else None
    intake = door.intake if door else SlackIntake(store, kinds, SlackAnswers(settings.api, token), drills)
    socket = SlackSocket(intake, opens, settings.api) if opens else None
    taking = door or intake
    return SlackWaysIn([taking, socket] if socket else [taking], door.routes() if door else (), socket)
