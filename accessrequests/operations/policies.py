"""Publish a policy alone, where the version in force asks for nobody's agreement. What is published never changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accessrequests.domain import policy
from accessrequests.domain.events import Actor
from accessrequests.models import Person, PolicyVersion
from accessrequests.operations._holding import hold_policy
from accessrequests.operations._publishing import check_alone, in_force, next_version
from accessrequests.operations._record import record
from accessrequests.queries import clock


@transaction.atomic(durable=True)
def publish(*, text: str, document: Mapping[str, Any], actor: Actor) -> PolicyVersion:
    """Publish `document` (parsed from `text`) as the next version; the same text twice is one version.

    :raises InvalidPolicy: when the document does not make sense; nothing is published.
    :raises Refused: when others must agree first, by the version in force.
    """
    rules = policy.parse(document)
    hold_policy(alone=True)
    at = clock.now()
    last = in_force()
    if last is not None and last.document == text:
        return last
    check_alone(last)
    version, fact = next_version(
        last, rules, text=text, document=document, by=Person.objects.filter(pk=actor.person_id or 0).first(), at=at
    )
    record(fact, actor=actor, at=at)
    return version
