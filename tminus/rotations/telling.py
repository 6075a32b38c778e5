"""What people are told of a rotation: a page to the owner of one that does not go on, taken back once it does."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter, SlackLetter
from tminus.rotations.book import Policy
from tminus.rotations.course import Course, Rotation
from tminus.rotations.opened import OpenedSecrets
from tminus.spoken import role_said

_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters


def letters(opened: OpenedSecrets, name: str, before: Course, event: ev.Event) -> list[Letter]:
    """What PagerDuty and Slack are told of an event; `before` is the course without it.

    A page's key is the secret's chain, so what goes on failing is one incident. Who still uses an old value is told in
    Slack, once for each list of users.
    """
    return [*_pages(opened, name, before, event), *_posts(opened, name, before, event)]


def _pages(opened: OpenedSecrets, name: str, before: Course, event: ev.Event) -> list[Letter]:
    if opened.environment.pagerduty is None:
        return []
    rotation = before.open
    if isinstance(event, ev.RotationBrokeOff) and rotation is not None:
        return [_page(opened, name, rotation, event).letter(opened.chain(name))]
    if rotation is not None and rotation.paged and isinstance(event, ev.RotationWaits | ev.RotationEnded):
        said = f"{opened.system}: the rotation of {name} goes on"
        return [PagerDutyLetter(op="resolve", summary=said).letter(opened.chain(name))]
    return []


def _page(opened: OpenedSecrets, name: str, rotation: Rotation, event: ev.RotationBrokeOff) -> PagerDutyLetter:
    policy = opened.book.rotations[name]
    owner = role_said(policy.owner)
    said = f"{opened.system}: the rotation of {name} stands at {event.stage}: {event.why}; {owner} owns it"
    return PagerDutyLetter(
        op="trigger",
        severity="critical" if _may_hurt(policy, rotation, event) else "warning",
        summary=said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…",
        details={
            "secret": f"{name} ({policy.secret})",
            "owner": owner,
            "what works now": _what_works(policy, rotation, event),
            "to go on": f"tminus rotate {name}",
            **_way_back(name, rotation),
            "what tminus does if nobody answers": "It tries again by its schedule.",
            "environment": opened.environment.environment,
            "system": opened.system,
        },
    )


def _nothing_works(policy: Policy, rotation: Rotation) -> bool:
    """Whether what is current may open nothing now: where two values cannot work at a time, and one is changing."""
    last = "undo" if rotation.undo else "promote"
    return not policy.two_at_a_time and "test" in rotation.begun and last not in rotation.done


def _moved(rotation: Rotation, event: ev.RotationBrokeOff) -> bool:
    """Whether what is current may be what was switched off: a rule said no after that."""
    return event.refused and "off" in rotation.begun


def _may_hurt(policy: Policy, rotation: Rotation, event: ev.RotationBrokeOff) -> bool:
    return rotation.at_once or _nothing_works(policy, rotation) or _moved(rotation, event)


def _way_back(name: str, rotation: Rotation) -> dict[str, str]:
    if rotation.undo or rotation.too_late_to_undo:
        return {}
    return {"to turn it back": f"tminus rotate {name} --undo --reason WHY"}


def _what_works(policy: Policy, rotation: Rotation, event: ev.RotationBrokeOff) -> str:
    if _moved(rotation, event):
        return "Look now: the old value is switched off, and somebody may have made it current again."
    if _nothing_works(policy, rotation):
        return "Perhaps nothing: what is current in Secrets Manager may be refused until this goes on. Go on now."
    if rotation.at_once:
        return "What is current in Secrets Manager works. What leaked may still open: go on now."
    return "What is current in Secrets Manager works; nothing was switched off that is still used."


def _posts(opened: OpenedSecrets, name: str, before: Course, event: ev.Event) -> list[Letter]:
    if opened.environment.slack is None:
        return []
    text = _told(opened, name, before, event)
    return [SlackLetter(text=text).letter(f"{opened.chain(name)}:{event.at:%Y%m%dT%H%M%S.%f}")] if text else []


def _told(opened: OpenedSecrets, name: str, before: Course, event: ev.Event) -> str:
    owner = role_said(opened.book.rotations[name].owner)
    match event:
        case ev.RotationEnded():
            return f"{opened.system}: {event.sentence}"
        case ev.RotationWaits() if event.used_by and event.used_by != _used_before(before):
            users = "\n".join(f"• {one}" for one in event.used_by)
            return f"{opened.system}: the old value of {name} is still used, {owner}:\n{users}\n{event.why}"
        case _:
            return ""


def _used_before(before: Course) -> Sequence[str]:
    waits = before.open.waits if before.open else None
    return waits.used_by if waits else ()
