"""The offline kit of a target: ordered, made, seen in use, its password changed, reviewed, ended. Its secret is never here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from accessrequests.domain import reviews
from accessrequests.domain.events import Actor, Event, Via
from accessrequests.domain.offline_kits import HALVES, MOST_SEEN, KitLogin, KitState, in_words, unseen, username_for
from accessrequests.domain.privileges import Level, from_json, level_of
from accessrequests.domain.reviews import Finding
from accessrequests.models import AuditEvent, Inventory, KitUse, OfflineKit, Person, Target
from accessrequests.operations._breaking import check_note
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import clock, people
from accessrequests.queries import offline_kits as kits
from accessrequests.queries.belonging import belonging_of

MOST_ADDRESSES = 50


@transaction.atomic(durable=True)
def order(*, slug: str, holders: Sequence[str], fingerprint: str, actor: Actor) -> OfflineKit:
    """A kit is about to be made. Kept before the target is asked: from now on its user is watched, whatever comes.

    :raises Refused: when the catalogue has no kit for the target, or not this one.
    """
    target = Target.objects.select_for_update(no_key=True).filter(slug=slug, retired_at=None).first()
    if target is None:
        raise Refused(f"There is no target called {slug}. See the catalogue.")
    roles = _roles(target)
    _check_holders(target, holders)
    at = clock.now()
    # Until the target has the new password the halves of the old one may open it: whoever holds one stays a holder.
    old = OfflineKit.objects.filter(target=target).exclude(state=KitState.ENDED.value).first()
    kit, _ = OfflineKit.objects.update_or_create(
        target=target,
        defaults={
            "username": username_for(slug),
            "roles": roles,
            "holders": list(dict.fromkeys([*holders, *(old.holders if old is not None else ())])),
            "state": KitState.MAKING.value,
            "fingerprint": fingerprint,
            "ordered_at": at,
            "ordered_by": actor.name,
            "checked_at": None,
            "trouble": "",
        },
    )
    facts = {"username": kit.username, "holders": list(holders), "fingerprint": fingerprint, "roles": roles}
    record(Fact(Event.BREAKGLASS_KIT_ORDERED, f"target/{slug}", facts), actor=actor, at=at)
    return kit


@transaction.atomic(durable=True)
def mark_made(
    *, slug: str, holders: Sequence[str], fingerprint: str, seen: Sequence[KitLogin], actor: Actor
) -> OfflineKit:
    """The target has the user as it was ordered for these holders. What logged in before it was ordered is no news.

    :raises IllegalMove: when another kit was ordered, or this one was used, meanwhile.
    """
    kit, at = _locked(slug), clock.now()
    if kit.state != KitState.MAKING or kit.fingerprint != fingerprint:
        raise IllegalMove("Somebody else changed the kit meanwhile. Make it again.", person="", what=kit.state, at=at)
    kit.state, kit.holders = KitState.STANDING.value, list(holders)
    kit.made_at = kit.watched_at = kit.checked_at = at
    kit.spent_at = kit.rotated_at = None
    kit.seen = [login.key for login in seen][-MOST_SEEN:]
    kit.save()
    facts = {"username": kit.username, "holders": kit.holders, "fingerprint": kit.fingerprint}
    record(Fact(Event.BREAKGLASS_KIT_MADE, f"target/{slug}", facts), actor=actor, at=at)
    return kit


@transaction.atomic(durable=True)
def note_logins(*, slug: str, logins: Sequence[KitLogin], looked_at: datetime) -> bool:
    """Who logged in with the kit, as the target tells it up to `looked_at`. True: it is news, and so the alarm is raised."""
    kit = _locked(slug)
    at = clock.now()
    kit.watched_at = looked_at
    new = unseen(set(kit.seen), logins)
    if not new or kit.state == KitState.ENDED:
        kit.save(update_fields=["watched_at"])
        return False
    kit.seen = [*kit.seen, *(login.key for login in new)][-MOST_SEEN:]
    use = _use_of(kit, new, at)
    kit.state, kit.spent_at = KitState.SPENT.value, kit.spent_at or at
    kit.save()
    facts = {
        "why": in_words(new),
        "username": kit.username,
        "addresses": use.addresses,
        "holders": use.holders,
        "use": use.pk,
    }
    record(Fact(Event.BREAKGLASS_KIT_USED, f"target/{slug}", facts), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def mark_rotated(*, slug: str) -> bool:
    """Its password is one that nobody knows. Whatever was made of it meanwhile opens nothing, so that it is spent, too."""
    kit, at = _locked(slug), clock.now()
    if kit.state == KitState.ENDED:
        return False
    kit.state = KitState.SPENT.value
    kit.spent_at, kit.rotated_at = kit.spent_at or at, at
    kit.save(update_fields=["state", "spent_at", "rotated_at"])
    facts = {"username": kit.username, "fingerprint": kit.fingerprint}
    record(Fact(Event.BREAKGLASS_KIT_ROTATED, f"target/{slug}", facts), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def note_check(*, slug: str, trouble: str) -> bool:
    """What a look at its user found to be wrong; nothing, when it is as it was made. True: that is news, and told."""
    kit, at = _locked(slug), clock.now()
    is_news = bool(trouble) and trouble != kit.trouble
    kit.checked_at, kit.trouble = at, trouble
    kit.save(update_fields=["checked_at", "trouble"])
    if is_news:
        facts = {"why": trouble, "username": kit.username}
        record(Fact(Event.BREAKGLASS_KIT_DAMAGED, f"target/{slug}", facts), actor=CLOCKWORK, at=at)
    return is_news


@transaction.atomic(durable=True)
def mark_ended(*, slug: str, evidence: Mapping[str, object], actor: Actor) -> OfflineKit:
    """Its user is gone from the target."""
    kit, at = _locked(slug), clock.now()
    kit.state, kit.trouble = KitState.ENDED.value, ""
    kit.save(update_fields=["state", "trouble"])
    facts = {"username": kit.username, "evidence": dict(evidence)}
    record(Fact(Event.BREAKGLASS_KIT_ENDED, f"target/{slug}", facts), actor=actor, at=at)
    return kit


@transaction.atomic(durable=True)
def review(*, use_id: int, reviewer: Person, via: Via, finding: Finding, note: str) -> KitUse:
    """Somebody who did not hold the kit says what its use was, and that is kept.

    :raises Refused: when the reviewer is not among those who review it, or held half of the kit.
    :raises IllegalMove: when it was reviewed already.
    :raises Invalid: when there is nothing to read.
    """
    slug = KitUse.objects.values_list("kit__target__slug", flat=True).get(pk=use_id)
    kit = _locked(slug)
    use, at = KitUse.objects.select_related("reviewed_by").get(pk=use_id), clock.now()
    if not kits.may_review(belonging_of(reviewer), use):
        asked = " or ".join([*sorted(use.review_groups), "the administrators"])
        sentence = f"This use is reviewed by somebody of {asked} who held no half of the kit."
        raise Refused(sentence, event=Event.BREAKGLASS_REFUSED, subject=f"target/{slug}")
    if use.reviewed_at is not None:
        by = use.reviewed_by.username if use.reviewed_by else ""
        raise IllegalMove(f"{by} has reviewed it already.", person=by, what="reviewed", at=use.reviewed_at)
    check_note(note)
    use.reviewed_at, use.reviewed_by = at, reviewer
    use.finding, use.review_note = finding.value, note.strip()
    use.save()
    facts = {"use": use.pk, "finding": finding.value, "comment": note.strip(), "username": kit.username}
    record(Fact(Event.BREAKGLASS_KIT_REVIEWED, f"target/{slug}", facts), actor=people.actor_of(reviewer, via), at=at)
    return use


@transaction.atomic(durable=True)
def escalate(*, use_id: int) -> bool:
    """Nobody has reviewed a use in time: that is told once a day. False: it is not due, or was told today."""
    slug = KitUse.objects.values_list("kit__target__slug", flat=True).get(pk=use_id)
    kit = _locked(slug)
    use, at = KitUse.objects.get(pk=use_id), clock.now()
    if use.reviewed_at is not None or at < reviews.review_due_at(use.noticed_at, reviews.EVERY_DAY):
        return False
    overdue = Fact(Event.BREAKGLASS_KIT_REVIEW_OVERDUE, f"target/{slug}", {"use": use.pk, "username": kit.username})
    told = AuditEvent.objects.filter(event=overdue.event.value, subject=overdue.subject, facts__use=use.pk)
    if told.filter(at__gt=at - reviews.EVERY_DAY).exists():
        return False
    record(overdue, actor=CLOCKWORK, at=at)
    return True


def _locked(slug: str) -> OfflineKit:
    """The target's row is what is held, as whoever applies the catalogue holds it."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    return OfflineKit.objects.select_related("target").get(target=target)


def _roles(target: Target) -> list[str]:
    """:raises Refused: when the catalogue has no kit there, or one with roles that are not to be had or give access."""
    said = kits.declared(target)
    if said is None:
        raise Refused(f"The catalogue has no offline kit for {target.slug}. Write its offline_kit, and apply it.")
    inventory = Inventory.objects.filter(target=target).first()
    known = inventory.roles if inventory is not None else {}
    for role in said.roles:
        if role not in known:
            raise Refused(
                f"{target.slug} has no role {role}. Correct offline_kit in the catalogue, or have the target read."
            )
        if level_of(from_json(known[role])) is Level.DELEGATING:
            raise Refused(f"The role {role} can give access to others, which a kit never does. Choose another.")
    return list(said.roles)


def _check_holders(target: Target, holders: Sequence[str]) -> None:
    """:raises Refused: when they are not two of those whom the catalogue names, who may sign in."""
    said = kits.declared(target)
    named = said.holders if said else ()
    strangers = [name for name in holders if name not in named]
    if len(set(holders)) != HALVES or len(holders) != HALVES:
        raise Refused("A kit has two holders, each of whom keeps one half. Name two people.")
    if strangers:
        raise Refused(
            f"{' and '.join(strangers)} may not hold a kit of {target.slug}. The catalogue names {', '.join(named)}."
        )
    active = set(
        Person.objects.filter(username__in=holders, is_active=True, owner=None).values_list("username", flat=True)
    )
    away = [name for name in holders if name not in active]
    if away:
        raise Refused(f"There is nobody called {' or '.join(away)} who may sign in. Name somebody else.")


def _use_of(kit: OfflineKit, new: Sequence[KitLogin], at: datetime) -> KitUse:
    """The use that is going on since the kit was spent, or a new one."""
    going_on = kit.spent_at is not None
    use = KitUse.objects.filter(kit=kit, noticed_at__gte=kit.spent_at).first() if going_on else None
    if use is None:
        _, reviewers = kits.groups_of(kit.target)
        use = KitUse(kit=kit, holders=[], began_at=new[0].at, noticed_at=at, logins=0)
        use.review_groups = sorted(reviewers)
    use.holders = list(dict.fromkeys([*use.holders, *kit.holders]))
    use.last_at = max(login.at for login in new)
    use.logins += len(new)
    use.addresses = sorted({*use.addresses, *(login.address for login in new)})[:MOST_ADDRESSES]
    use.save()
    return use
