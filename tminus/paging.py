"""Who is paged about a question that nobody answers, in words. Pure."""

from tminus import events as ev
from tminus.frozen import Frozen
from tminus.seats import roles_of_seat
from tminus.spoken import listed, role_said


def paged_said(frozen: Frozen, reminded: ev.Reminded) -> str:
    """Whom this stage pages; "" where it pages nobody, as without a PagerDuty."""
    section = frozen.environment.pagerduty
    if reminded.how == "remind" or section is None:
        return ""
    if reminded.how == "deputies" and section.rest is not None:
        known = [one for person in reminded.people if (one := frozen.people.by_id(person)) is not None]
        if names := listed(one.name for one in known if one.pagerduty):
            return f"paged by name: {names}"
    seats = listed(role_said(seat) for seat in reminded.seats)
    roles = dict.fromkeys(role for seat in reminded.seats for role in roles_of_seat(seat))
    policies = section.rest.policies if section.rest is not None else {}
    whose = [f"the policy of {role_said(role)}" for role in roles if policies.get(role)]
    if not roles or any(not policies.get(role) for role in roles):
        whose.append("the default service")
    return f"on-call of {listed(whose)} is paged for {seats}"
