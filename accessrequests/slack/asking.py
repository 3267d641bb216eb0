"""Asking in Slack: three forms, each judged as the portal's form is, and the last one filed by the same operation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.urls import reverse
from django.utils.http import urlencode

from accessrequests.domain import slack_modals
from accessrequests.domain.block_kit import Block, option, plain
from accessrequests.domain.events import Via
from accessrequests.domain.kinds import KINDS, SCRAM
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.privileges import InvalidRole, RoleRef
from accessrequests.domain.slack_modals import Offer, Terms
from accessrequests.domain.verdicts import Refusal
from accessrequests.domain.window import InvalidDuration, parse_duration, spell_duration
from accessrequests.models import AccessRequest, Inventory, Person, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.operations import access_requests
from accessrequests.operations.idempotency import Idempotency
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import asks, clock, idempotency, offers, people, preview
from accessrequests.queries.asks import Asked, Invalid, NotReadYet
from accessrequests.slack import caller, client
from accessrequests.slack.arrival import Arrival
from accessrequests.slack.caller import Turned

USUAL = timedelta(hours=8)
LONGEST_CARRIED = 3_000
LONGEST_KEY = 255
_NOT_HERE = "What is asked for there needs more than fits into this form."


def shortcut(arrival: Arrival) -> None:
    if arrival.text("callback_id") == "request.open":
        offer(arrival)


def offer(arrival: Arrival) -> None:
    """The first form, to whoever pressed for it."""
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        caller.turn_away(arrival, person)
        return
    turned = begin(arrival)
    if turned is not None:
        caller.tell(arrival, turned)


def begin(arrival: Arrival) -> Turned | None:
    """Open the first form; what to say where Slack did not."""
    if client.open_view(trigger_id=arrival.text("trigger_id"), view=slack_modals.choose_target()):
        return None
    sentence = "Slack did not open the form in time. Try again, or ask in the portal."
    return Turned(sentence, "Ask in the portal", f"{settings.ACCESS_BASE_URL}/request/")


def suggest(arrival: Arrival) -> dict[str, Any]:
    """The targets that the words are found in, by environment; none rather than an error: somebody is typing."""
    person = caller.person_of(arrival)
    if isinstance(person, Turned) or arrival.text("action_id") != "target":
        return {"options": []}
    found, _ = offers.found_targets(
        offers.targets_on_offer(),
        words=arrival.text("value")[:100],
        person=person,
        version=_policy(),
        groups=people.groups_of(person),
    )
    grouped: dict[str, list[Block]] = {}
    for one in found:
        if one.is_eligible:
            named = option(f"{one.target.slug}: {one.cost}", one.target.slug)
            grouped.setdefault(one.target.environment, []).append(named)
    if not grouped:
        return {"options": []}
    return {"option_groups": [{"label": plain(name, 75), "options": options} for name, options in grouped.items()]}


def take_target(person: Person, values: object) -> Block:
    """The next form; where it has no room for what an ask there needs, the way to the portal's.

    :raises Invalid: where nothing can be asked for.
    """
    slug = slack_modals.typed(values, "target")
    target = Target.objects.filter(slug=slug, retired_at=None).first()
    if target is None:
        raise Invalid({"target": ["Choose one of the targets that are offered."]})
    known = KINDS[target.kind]
    fits = AccessKind.DATABASE_USER in target.offers.get("kinds", ()) and SCRAM in target.offers.get(
        "authentication", ()
    )
    if known.has_clusters or known.needs_address or not fits:
        return slack_modals.in_portal(_NOT_HERE, url=_portal(slug))
    inventory = Inventory.objects.filter(target=target).first()
    if inventory is None:
        raise Invalid({"target": [f"Nobody has read yet what {slug} has to offer. Try again in a few minutes."]})
    outlook = offers.outlook(_policy(), target, person=person, groups=people.groups_of(person))
    allowed = [verdict for verdict in outlook.values() if verdict.allowed]
    least = next(iter(allowed), None)  # the portal's form, too, begins with what needs the least trust
    offer = Offer(
        target=slug,
        roles=[(role.name, role.words) for role in offers.roles_on_offer(inventory)],
        collections=offers.collections_on_offer(inventory),
        longest=max((one.maximum for one in allowed if one.maximum), default=USUAL),
        suggested=offers.suggested(least),
        is_the_policys=least is not None and least.default is not None,
        reasons=[one.reason_minimum for one in allowed],
    )
    return slack_modals.choose_terms(offer)


def take_terms(person: Person, terms: Terms, values: object) -> Block:
    """What the policy says to it, in a form of its own.

    :raises Invalid: with what is wrong, or with what the policy refuses.
    """
    only = slack_modals.typed(values, "collection")
    said = Terms(
        target=terms.target,
        roles=tuple(dict.fromkeys(_narrowed(role, only) for role in slack_modals.chosen(values, "roles"))),
        duration=slack_modals.typed(values, "duration"),
        reason=slack_modals.typed(values, "reason"),
        ticket=slack_modals.typed(values, "ticket"),
    )
    if len(said.private) > LONGEST_CARRIED:
        raise Invalid({"reason": [f"{_NOT_HERE} Write less, or ask in the portal: {_portal(said.target)}"]})
    found = preview.preview(requester=person, asked=_asked(said), at=clock.now())
    verdict = found.considered.verdict
    if not verdict.allowed:
        raise Invalid(_by_field(verdict.refusals))
    return slack_modals.confirm_ask(
        said,
        title=f"{', '.join(said.roles)} on {said.target} for {spell_duration(found.considered.asked.duration)}",
        gets=found.what_this_lets_you_do[::-1],
        verdict=verdict.sentences,
        similar=found.similar.sentence if found.similar is not None else "",
    )


def send(person: Person, terms: Terms, *, view_id: str) -> Block:
    """:raises Refused: and :raises Invalid: as the operation does."""
    filed = _filed_once(person, terms, view_id)
    is_born = filed.state == AccessRequestState.APPROVED
    done = "It is approved, and the access is being set up." if is_born else "It waits for those who decide."
    asked = f"{', '.join(map(str, filed.roles))} on {filed.target.slug} for {spell_duration(filed.duration)}"
    sentence = f"Request {filed.pk}: {asked}. {done} You are told when something happens."
    return slack_modals.asked_it(sentence, url=f"{settings.ACCESS_BASE_URL}/requests/{filed.pk}/")


def _filed_once(person: Person, terms: Terms, view_id: str) -> AccessRequest:
    """The request that was filed, now or by the first of two presses. A form keeps its id until it is closed."""
    key = Idempotency(
        person_id=person.pk,
        key=f"slack:{view_id}"[:LONGEST_KEY],
        path="slack/ask",
        body_hash=hashlib.sha256(terms.private.encode()).hexdigest(),
    )
    earlier = idempotency.first_use(person_id=person.pk, key=key.key)
    if earlier is None:
        try:
            return access_requests.submit(requester=person, asked=_asked(terms), via=Via.SLACK, idempotency=key)
        except IntegrityError:
            earlier = idempotency.first_use(person_id=person.pk, key=key.key)
            if earlier is None:
                raise
    return request_queries.as_shown().get(pk=earlier.object_id)


def _asked(terms: Terms) -> Asked:
    try:
        duration = parse_duration(terms.duration)
    except InvalidDuration as error:
        raise Invalid({"duration": [str(error)]}) from error
    return Asked(
        target=terms.target,
        kind=AccessKind.DATABASE_USER.value,
        roles=terms.roles,
        duration=duration,
        reason=terms.reason,
        ticket=terms.ticket,
    )


def _by_field(refusals: Iterable[Refusal]) -> dict[str, list[str]]:
    """What the policy refuses, where it says to which part of the ask."""
    told: dict[str, list[str]] = {}
    for refusal in refusals:
        told.setdefault(refusal.about or "roles", []).append(refusal.sentence)
    return told


def _portal(target: str) -> str:
    """The portal's form, with the target chosen."""
    return f"{settings.ACCESS_BASE_URL}{reverse('ask')}?{urlencode({'target': target})}"


def _narrowed(role: str, collection: str) -> str:
    """read@shop on shop.orders alone is read@shop.orders.

    :raises Invalid: where the role is of another database, and would be asked for whole.
    """
    try:
        where = RoleRef.parse(role).where
    except InvalidRole:
        return role
    database, _, name = collection.partition(".")
    if collection and where != database:
        wrong = f"{role} is not a role of {database}, so it cannot be kept to {collection}."
        raise Invalid({"roles": [f"{wrong} Choose roles of {database} only, or no collection."]})
    return f"{role}.{name}" if collection else role


def _policy() -> Any:
    try:
        return asks.current_policy()
    except NotReadYet:
        return None


FIELDS: Mapping[str, frozenset[str]] = {
    slack_modals.ASK_TARGET: frozenset({"target"}),
    slack_modals.ASK_TERMS: frozenset({"roles", "duration", "reason", "ticket"}),
}
