"""Access requests as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Cast

from accessrequests.domain import sentences
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.privileges import Level
from accessrequests.domain.window import spell_duration
from accessrequests.models import AccessRequest, Approval, Grant, Person, PolicyVersion
from accessrequests.queries.belonging import Belonging, belonging_of


def as_shown() -> QuerySet[AccessRequest]:
    """Requests with all that is shown of them."""
    return AccessRequest.objects.select_related(
        "requester",
        "beneficiary",
        "target",
        "policy_version",
        "grant__target",
        "extends__target",
        "break_glass__reviewed_by",
    ).prefetch_related(Prefetch("approvals", Approval.objects.select_related("person", "on_behalf_of").order_by("pk")))


def title_of(access_request: AccessRequest) -> str:
    """The request in one sentence, as it was approved, the same on every page and for other programs."""
    return _title(access_request, access_request.approved_duration or access_request.duration)


def title_now(access_request: AccessRequest) -> str:
    """The same of a request that was read with its grant, with the length that the access has come to since."""
    length = access_request.approved_duration or access_request.duration
    return _title(access_request, extended_to(access_request) or length)


def shorter(access_request: AccessRequest) -> str:
    """The length that was approved in place of the one that was asked for; nothing where that is the same."""
    if not access_request.is_shortened or access_request.approved_duration is None:
        return ""
    approved, asked = spell_duration(access_request.approved_duration), spell_duration(access_request.duration)
    return f"{approved} in place of {asked}"


def extended_to(access_request: AccessRequest) -> timedelta | None:
    """How long the access lasts in all, where its end has moved; of a request that was read with its grant."""
    grant: Grant | None = getattr(access_request, "grant", None)
    if grant is None or grant.starts_at is None or grant.expires_at is None:
        return None
    whole = grant.expires_at - grant.starts_at
    return whole if whole > grant.length else None


def _title(access_request: AccessRequest, length: timedelta) -> str:
    return sentences.title(
        requester=access_request.requester.name,
        beneficiary=access_request.beneficiary.name,
        roles=access_request.roles,
        level=Level(access_request.level),
        target=access_request.target.slug,
        length=length,
        clusters=access_request.clusters,
        is_break_glass=access_request.is_break_glass,
        waits=access_request.state == AccessRequestState.PENDING,
        more=access_request.extends_id is not None,
    )


def title_for(reader: Person | None, access_request: AccessRequest) -> str:
    """The same as now, without their name to whoever asks for themselves in the usual way."""
    is_own = reader is not None and reader.pk == access_request.requester_id == access_request.beneficiary_id
    if not is_own or access_request.is_break_glass:
        return title_now(access_request)
    return sentences.own_title(
        roles=access_request.roles,
        level=Level(access_request.level),
        target=access_request.target.slug,
        length=extended_to(access_request) or access_request.approved_duration or access_request.duration,
        clusters=access_request.clusters,
        more=access_request.extends_id is not None,
    )


def visible_to(person: Person) -> QuerySet[AccessRequest]:
    """One's own, those that one may decide on, and all of them for auditors and administrators."""
    requests, who = as_shown(), belonging_of(person)
    if who.sees_all:
        return requests
    own = Q(requester=person) | Q(beneficiary__in=[person.pk, *person.service_ids])
    return requests.filter(own | _answered_by(person) | who.asked_about())


def ways_to_see(person: Person) -> list[QuerySet[AccessRequest]]:
    """The same, a way each: every one has an index, while all of them joined by OR have none."""
    who = belonging_of(person)
    return [AccessRequest.objects.all()] if who.sees_all else [*own_ways(person), *voiced_ways(who)]


def voiced_ways(who: Belonging) -> list[QuerySet[AccessRequest]]:
    """Those that the person answered, and those that the person's groups, or a lent voice's, are asked about."""
    asked = _groups_ever_asked()
    own = asked & who.since.keys()
    ways = [AccessRequest.objects.filter(_answered_by(who.person))]
    if own:
        ways.append(AccessRequest.objects.filter(step_groups__overlap=sorted(own)))
    lent = (one for one in who.lent if asked & one.since.keys())
    return [*ways, *(AccessRequest.objects.filter(one.about()) for one in lent)]


def asked_for_others(person: Person) -> QuerySet[AccessRequest]:
    return AccessRequest.objects.filter(requester=person).exclude(beneficiary=person)


def own_ways(person: Person) -> list[QuerySet[AccessRequest]]:
    """Those that the person asked for, and those whose access the person gets, or a service of theirs."""
    own = [AccessRequest.objects.filter(requester=person), AccessRequest.objects.filter(beneficiary=person)]
    services = person.service_ids
    return [*own, AccessRequest.objects.filter(beneficiary__in=services)] if services else own


def _answered_by(person: Person) -> Q:
    """Not a join: that would give a row per approval, and a page would have to sort them all to tell them apart."""
    return Q(Exists(Approval.objects.filter(access_request=OuterRef("pk"), person=person)))


def _groups_ever_asked() -> set[str]:
    """The groups that any published policy asks. Looking for one that no request names is looking at all of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT jsonb_path_query(rules, '$.rules[*].approvals[*].group') #>> '{}'"
            " FROM accessrequests_policyversion"
            " UNION SELECT DISTINCT jsonb_path_query(rules, '$.rules[*].break_glass.*[*]') #>> '{}'"
            " FROM accessrequests_policyversion"
        )
        return {group for (group,) in cursor.fetchall()}


def waiting_for(who: Belonging) -> QuerySet[AccessRequest]:
    """What waits for this person's decision, bare: to be counted."""
    person = who.person
    answers = Approval.objects.filter(access_request=OuterRef("pk"), revision=OuterRef("revision"))
    return (
        AccessRequest.objects.filter(who.wants(), state=AccessRequestState.PENDING)
        .exclude(Q(requester=person) | Q(beneficiary=person) | Q(owners__contains=[person.username]))
        .exclude(beneficiary__owner=person)
        .exclude(Exists(answers.filter(Q(person=person) | Q(on_behalf_of=person))))
    )


def listed_for(person: Person, *, mine: bool, awaiting_me: bool) -> list[QuerySet[AccessRequest]]:
    """A list as the person asked for it, a way each. Whoever may decide on a request may see it."""
    if not awaiting_me:
        return own_ways(person) if mine else ways_to_see(person)
    # Named one by one, because they are few: that spares the planner a guess.
    waiting = AccessRequest.objects.filter(pk__in=list(waiting_for(belonging_of(person)).values_list("pk", flat=True)))
    return [way & waiting for way in own_ways(person)] if mine else [waiting]


def _numbers(found: QuerySet[AccessRequest, Any]) -> Cast:
    """As one array. Of nothing that could be found Django makes a NULL, which has to be told its type."""
    return Cast(ArraySubquery(found), ArrayField(BigIntegerField()))


class _IsOneOf(Func):
    """Django has no name for `= ANY` of an array that the database makes."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def inbox_of(who: Belonging, *, most: int) -> list[AccessRequest]:
    """What waits for this person's decision, soonest to lapse first, each with how many there are (`waiting`).

    Found by itself, as numbers. Joined to the dozen tables of what is shown, it comes last in PostgreSQL's plan, which
    then reads every request there ever was.
    """
    waiting = waiting_for(who).order_by("lapses_at", "pk").values("pk")
    is_first = _IsOneOf("pk", _numbers(waiting[:most]))
    number = Func(_numbers(waiting), function="CARDINALITY", output_field=IntegerField())
    return list(as_shown().filter(is_first).annotate(waiting=number).order_by("lapses_at", "pk"))


def answered_ways(person: Person) -> list[QuerySet[AccessRequest]]:
    """Those that the person said yes or no to."""
    return [AccessRequest.objects.filter(_answered_by(person))]


def newest(ways: Sequence[QuerySet[AccessRequest]], *, before: int | None, most: int) -> list[AccessRequest]:
    """The newest of several ways together, from below the id `before` on."""
    parts = [way.filter(pk__lt=before) if before else way for way in ways]
    first, *others = [part.order_by("-pk").values_list("pk", flat=True)[:most] for part in parts]
    numbers = sorted(first.union(*others) if others else first, reverse=True)
    return list(as_shown().filter(pk__in=numbers[:most]).order_by("-pk"))


def asked_together(access_request: AccessRequest, person: Person) -> list[AccessRequest]:
    """The others of its bundle that the person may see."""
    if access_request.bundle is None:
        return []
    return list(visible_to(person).filter(bundle=access_request.bundle).exclude(pk=access_request.pk).order_by("pk"))


def newest_policy() -> Subquery:
    """The number of the policy version that is in force now, as a part of another question."""
    return Subquery(PolicyVersion.objects.order_by("-version").values("version")[:1])


def with_newest_policy(requests: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """Each with the number of the policy version that is in force now, as `newest_policy`."""
    return requests.annotate(newest_policy=newest_policy())


def of_subject(subject: str) -> AccessRequest:
    """The request that an event is about, also when its subject is the grant that came of it."""
    kind, _, number = subject.partition("/")
    key = "pk" if kind == "access_request" else "grant"
    found = AccessRequest.objects.select_related(
        "requester", "beneficiary", "target", "grant", "break_glass__reviewed_by"
    )
    return found.get(**{key: int(number)})
