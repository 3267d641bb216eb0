"""Every address of the portal, as the URLconf has them, with real objects in the place of numbers and names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.urls import URLPattern

from accessrequests.models import (
    AuditEvent,
    CustomRoleChange,
    Delegation,
    Grant,
    PersonalToken,
    PolicyDraft,
    PolicyVersion,
    ReviewCampaign,
)
from accessrequests.web import urls

# What stands for the first variable part of an address, by how the address begins.
_KINDS = {
    "requests/": "request",
    "approvals/": "request",
    "bundles/": "request",
    "access-reviews/": "review",
    "access/": "grant",
    "break-glass/": "request",
    "tokens/": "token",
    "account/away/": "delegation",
    "audit/": "event",
    "targets/<slug:slug>/custom-roles/": "project",
    "custom-roles/": "change",
    "targets/": "target",
    "health/": "grant",
    "policies/drafts/": "draft",
    "policies/": "policy",
    "people/": "person",
    "accounts/": "nowhere",
}


def routes() -> list[str]:
    """Every route of the portal, as it is written there."""
    found = []
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern), f"Look into {pattern}, too."
        found.append(str(pattern.pattern))
    return found


def address_of(route: str, objects: Mapping[str, object]) -> str:
    """The route with something in the place of each part that varies; a kind that is new here gets a 1."""
    kind = next((kind for start, kind in _KINDS.items() if route.startswith(start)), "")
    return "/" + re.sub(r"<[^>]+>", str(objects.get(kind, 1)), route)


def objects_of(
    *,
    grant: Grant,
    request_id: int,
    token: PersonalToken | None = None,
    change: CustomRoleChange | None = None,
    review: ReviewCampaign | None = None,
) -> dict[str, object]:
    """What addresses may be filled with."""
    last = AuditEvent.objects.order_by("-sequence").first()
    policy = PolicyVersion.objects.order_by("-version").first()
    delegation = Delegation.objects.order_by("-pk").first()
    draft = PolicyDraft.objects.order_by("-pk").first()
    return {
        "request": request_id,
        "grant": grant.pk,
        "token": token.pk if token is not None else 0,
        "event": last.sequence if last is not None else 0,
        "target": grant.target.slug,
        "person": grant.holder.username,
        "policy": policy.version if policy is not None else 0,
        "project": change.target.slug if change is not None else "nowhere",
        "change": change.pk if change is not None else 0,
        "delegation": delegation.pk if delegation is not None else 0,
        "review": review.pk if review is not None else 0,
        "draft": draft.pk if draft is not None else 0,
        "nowhere": "nowhere/",
    }
