"""Publish a policy. What is published never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accessrequests.domain import policy
from accessrequests.domain.events import Actor, Event
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, PolicyVersion
from accessrequests.operations._holding import hold_policy
from accessrequests.operations._record import Fact, record
from accessrequests.queries import asks, clock


@transaction.atomic(durable=True)
def publish(*, text: str, document: Mapping[str, Any], actor: Actor) -> PolicyVersion:
    """Publish `document` (parsed from `text`) as the next version; the same text twice is one version.

    :raises InvalidPolicy: when the document does not make sense; nothing is published.
    """
    rules = policy.parse(document)
    hold_policy(alone=True)
    at = clock.now()
    last = PolicyVersion.objects.order_by("-version").first()
    if last is not None and last.document == text:
        return last
    version = PolicyVersion.objects.create(
        version=(last.version if last else 0) + 1,
        name=rules.name,
        document=text,
        rules=dict(document),
        published_by_id=actor.person_id,
        published_at=at,
    )
    _show_to_groups_asked(version)
    facts = {
        "name": rules.name,
        "rules": len(rules.rules),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "by": version.published_by.username if version.published_by else "",
    }
    record(Fact(Event.POLICY_PUBLISHED, f"policy/{version.version}", facts), actor=actor, at=at)
    return version


def _show_to_groups_asked(version: PolicyVersion) -> None:
    """Open requests are decided under this version too, so the groups that it asks must see them."""
    waiting = AccessRequest.objects.select_for_update(of=("self",), no_key=True).select_related("target")
    shown = []
    for access_request in waiting.filter(state=AccessRequestState.PENDING.value).order_by("pk"):
        said = {step["group"] for step in access_request.verdict["steps"]}
        asked = sorted(said | asks.groups_asked(version, access_request))
        if asked != sorted(access_request.step_groups) or asked != sorted(access_request.wanted_groups):
            # Who is still wanted depends on who answers under which version: all are asked to look again.
            access_request.step_groups = access_request.wanted_groups = asked
            shown.append(access_request)
    AccessRequest.objects.bulk_update(shown, ["step_groups", "wanted_groups"])
