"""Break-glasses as people read them: whose there are, what waits for a review, and the evidence for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from accessrequests.domain.break_glass import BreakGlassVerdict, evaluate_break_glass
from accessrequests.domain.events import Event, Job, Queue
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.policy import Ask, Rules
from accessrequests.domain.privileges import Level
from accessrequests.domain.reviews import Finding
from accessrequests.models import AuditEvent, BreakGlass, Inventory, OutboxMessage, Person, PolicyVersion, Target
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.offers import OfferedRole, roles_on_offer
from accessrequests.queries.rules import rules_of

SHORT = timedelta(seconds=1)
LATELY = timedelta(days=90)
DRILL_EVERY = timedelta(days=90)
TEST_EVERY = timedelta(days=7)
SETTLING = timedelta(hours=1)  # a policy that is new has no test yet, and nothing is wrong with that
SELF_TEST = "break_glass/self-test"
MOST_SHOWN = 25
_LEVELS = (Level.READ, Level.WRITE, Level.ADMIN)


@dataclass(frozen=True, slots=True)
class Pane:
    """One target on which a person may break the glass: what may be had there, and on what terms."""

    target: Target
    roles: Sequence[OfferedRole]
    verdict: BreakGlassVerdict


def panes(version: PolicyVersion | None, belonging: Belonging) -> list[Pane]:
    """Every target on which this person may break the glass, production first, each with the roles to be had."""
    if version is None:
        return []
    rules = rules_of(version)
    if not any(rule.break_glass for rule in rules.rules):
        return []
    found = Inventory.objects.filter(target__retired_at=None).select_related("target")
    made = [_pane(rules, version.version, inventory, belonging) for inventory in found]
    kept = [pane for pane in made if pane is not None]
    return sorted(kept, key=lambda pane: (pane.target.environment != "production", pane.target.slug))


def _pane(rules: Rules, version: int, inventory: Inventory, belonging: Belonging) -> Pane | None:
    """A rule may speak of one role and not of another: each is judged, and the strictest terms are shown."""
    roles, verdicts = [], []
    for role in roles_on_offer(inventory):
        verdict = evaluate_break_glass(
            rules,
            Ask(
                target=inventory.target.slug,
                environment=inventory.target.environment,
                level=role.level,
                groups=frozenset(belonging.since),
                duration=SHORT,
                reason_length=None,
                person=belonging.person.username,
                databases=frozenset({role.name.rpartition("@")[2]}),
                roles=frozenset({role.name}),
            ),
            version=version,
        )
        if verdict.allowed:
            roles.append(role)
            verdicts.append(verdict)
    if not verdicts:
        return None
    strictest = min(verdicts, key=lambda one: one.terms.maximum if one.terms else SHORT)
    return Pane(inventory.target, roles, strictest)


def visible_to(belonging: Belonging) -> QuerySet[BreakGlass]:
    """One's own, those that one is told of or reviews, and all of them for those who watch over it."""
    found = as_shown()
    if belonging.sees_all:
        return found
    return found.filter(Q(person=belonging.person) | belonging.asked_about("access_request__"))


def as_shown() -> QuerySet[BreakGlass]:
    return BreakGlass.objects.select_related(
        "person",
        "reviewed_by",
        "target",
        "access_request__target",
        "access_request__requester",
        "access_request__beneficiary",
        "access_request__grant__target",
        "access_request__grant__usage",
    ).order_by("-pk")


def live(found: QuerySet[BreakGlass]) -> QuerySet[BreakGlass]:
    """Those that give access now, or wait for a second person."""
    waits = Q(access_request__state=AccessRequestState.PENDING.value)
    return found.filter(waits | Q(access_request__grant__state__in=[GrantState.PENDING.value, GrantState.ACTIVE.value]))


def to_review(found: QuerySet[BreakGlass]) -> QuerySet[BreakGlass]:
    """Those that are over and that nobody has reviewed, the first that is due first."""
    over = Q(access_request__grant__state__in=[GrantState.REVOKING.value, GrantState.REVOKED.value])
    return found.filter(over, reviewed_at=None).order_by("review_due_at")


def overdue(at: datetime) -> QuerySet[BreakGlass]:
    """What should have been reviewed by now. That it still lives is no excuse: its end comes first, and did not."""
    return BreakGlass.objects.filter(review_due_at__lte=at, reviewed_at=None).order_by("review_due_at", "pk")


@dataclass(frozen=True, slots=True)
class Counted:
    """How often within the last 90 days; drills are counted apart."""

    real: int
    drills: int


def counted(person: Person, *, at: datetime) -> tuple[Counted, Counted]:
    """Of this person and of everybody, in one question."""
    begun, mine, drill = Q(began_at__gt=at - LATELY), Q(person=person), Q(is_drill=True)
    found = BreakGlass.objects.aggregate(
        own=Count("pk", filter=begun & mine & ~drill),
        own_drills=Count("pk", filter=begun & mine & drill),
        all=Count("pk", filter=begun & ~drill),
        all_drills=Count("pk", filter=begun & drill),
    )
    return Counted(found["own"], found["own_drills"]), Counted(found["all"], found["all_drills"])


def of_request(access_request_id: int) -> BreakGlass | None:
    return as_shown().filter(access_request_id=access_request_id).first()


def of_month(first: datetime) -> list[BreakGlass]:
    """What began in the month that begins then, the first first."""
    after = (first + timedelta(days=32)).replace(day=1)
    return list(as_shown().filter(began_at__gte=first, began_at__lt=after).order_by("began_at", "pk"))


def findings(found: Sequence[BreakGlass]) -> list[tuple[str, int]]:
    """How many reviews found what."""
    counts = Counter(one.finding for one in found if one.finding)
    return sorted(counts.items())


def repeated(found: Sequence[BreakGlass]) -> list[tuple[tuple[str, str], int]]:
    """The same roles on the same target more than once, drills left out: what could be asked for in the usual way."""
    counts = Counter((" ".join(one.access_request.roles), one.target.slug) for one in found if not one.is_drill)
    return [(key, times) for key, times in counts.most_common() if times > 1]


def newest_policy() -> PolicyVersion | None:
    return PolicyVersion.objects.order_by("-version").first()


def targets_to_break(version: PolicyVersion | None) -> list[Target]:
    """Production targets on which the policy lets somebody break the glass."""
    if version is None:
        return []
    rules = rules_of(version)
    if not any(rule.break_glass for rule in rules.rules):
        return []
    production = Target.objects.filter(retired_at=None, environment="production").order_by("slug")
    return [target for target in production if any(_has_terms(rules, target, level) for level in _LEVELS)]


def lacking_drills(version: PolicyVersion | None, *, at: datetime) -> list[Target]:
    """Those of them on which no drill went well within 90 days: begun, used, ended, and found to be one."""
    went_well = Q(finding=Finding.DRILL.value) | Q(is_drill=True, finding="")
    drilled = set(
        BreakGlass.objects.filter(
            went_well, began_at__gt=at - DRILL_EVERY, used_at__isnull=False, ended_at__isnull=False
        ).values_list("target_id", flat=True)
    )
    return [target for target in targets_to_break(version) if target.pk not in drilled]


def is_settled(*, at: datetime) -> bool:
    """Whether there have been policies here for so long that a drill should have been."""
    first = PolicyVersion.objects.order_by("version").first()
    return first is not None and first.published_at < at - DRILL_EVERY


def last_self_test() -> AuditEvent | None:
    found = AuditEvent.objects.filter(event=Event.BREAKGLASS_SELF_TESTED.value)
    return found.order_by("-sequence").first()


def is_test_due(version: PolicyVersion | None, *, at: datetime) -> bool:
    """Once a week, wherever there is a glass to break."""
    if version is None or version.published_at > at - SETTLING or not targets_to_break(version):
        return False
    last = last_self_test()
    return last is None or last.at <= at - TEST_EVERY


def failing_alarms() -> list[OutboxMessage]:
    """Alarms of a break-glass that have not got through yet, the oldest first."""
    waiting = OutboxMessage.objects.filter(queue=Queue.BREAK_GLASS.value, done_at=None, failures__gt=0)
    return list(waiting.filter(job__in=[Job.NOTIFY.value, Job.DELIVER.value]).order_by("created_at")[:MOST_SHOWN])


def _has_terms(rules: Rules, target: Target, level: Level) -> bool:
    ask = Ask(target.slug, target.environment, level, frozenset(), duration=SHORT, reason_length=None)
    return evaluate_break_glass(rules, ask, version=0).terms is not None
