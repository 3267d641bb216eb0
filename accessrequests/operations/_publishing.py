"""The next version of a policy, and who must agree to it by the version in force."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accessrequests.domain import policy
from accessrequests.domain.approvals import combined
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.policy import Step
from accessrequests.domain.wording import people_needed
from accessrequests.models import AccessRequest, Person, PolicyVersion
from accessrequests.operations._record import Fact
from accessrequests.operations.refusals import Refused
from accessrequests.queries import asks, holdings
from accessrequests.queries.rules import rules_of

RULE = "publishing"


def in_force() -> PolicyVersion | None:
    return PolicyVersion.objects.order_by("-version").first()


def agreement_of(version: PolicyVersion | None) -> tuple[Step, ...]:
    return rules_of(version).publishing if version is not None else ()


def check_alone(last: PolicyVersion | None) -> None:
    """The first version of all is published by whoever sets the product up."""
    steps = agreement_of(last)
    if steps:
        sentence = f"By the policy in force {people_needed(steps)} must agree to the next version. Propose it to them."
        raise Refused(sentence, rule=RULE)


def next_version(
    last: PolicyVersion | None,
    rules: policy.Rules,
    *,
    text: str,
    document: Mapping[str, Any],
    by: Person | None,
    at: datetime,
) -> tuple[PolicyVersion, Fact]:
    """The next version, and the fact that is kept of it."""
    version = PolicyVersion.objects.create(
        version=(last.version if last else 0) + 1,
        name=rules.name,
        document=text,
        rules=dict(document),
        published_by=by,
        published_at=at,
    )
    _show_to_groups_asked(rules, version.version)
    facts = {
        "name": rules.name,
        "rules": len(rules.rules),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "by": by.username if by else "",
    }
    return version, Fact(Event.POLICY_PUBLISHED, f"policy/{version.version}", facts)


def hold_waiting() -> None:
    """Lock the requests that a new version is shown to. Before any person, as everybody does who decides."""
    list(_waiting().values_list("pk", flat=True))


def _waiting() -> QuerySet[AccessRequest]:
    held = AccessRequest.objects.select_for_update(of=("self",), no_key=True)
    return held.filter(state=AccessRequestState.PENDING.value, is_break_glass=False).order_by("pk")


def _show_to_groups_asked(rules: policy.Rules, version: int) -> None:
    """Open requests are decided under this version too, so the groups that it asks must see them, each in its turn."""
    shown = []
    for access_request in (
        _waiting().select_related("target").prefetch_related("approvals__person", "approvals__on_behalf_of")
    ):
        said = policy.from_json(access_request.verdict).steps
        steps = combined(said, asks.steps_asked(rules, access_request, version=version))
        asked = sorted({step.group for step in steps} | set(access_request.stand_ins))
        if asked != sorted(access_request.step_groups) or steps != said:
            wanted = policy.groups_wanted(steps, holdings.given(access_request))
            access_request.step_groups = asked
            access_request.wanted_groups = list(dict.fromkeys([*wanted, *access_request.stand_ins]))
            shown.append(access_request)
    AccessRequest.objects.bulk_update(shown, ["step_groups", "wanted_groups"])
