"""What there is when a test of the API begins, every endpoint there is, and a picture of all rows to compare with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model

from accessrequests.domain.events import Via
from accessrequests.domain.window import format_moment
from accessrequests.models import (
    AccessRequest,
    AuditEvent,
    CallBucket,
    Credential,
    CustomRoleChange,
    Delegation,
    Grant,
    PolicyDraft,
    ReviewCampaign,
    ReviewItem,
)
from accessrequests.operations import delegations, grants, policy_drafts
from tests import make, reviews, roles
from tests.api.caller import ask
from tests.make import Cast

DAY = timedelta(days=1)
TOMORROW = format_moment(datetime.now(tz=UTC) + DAY)
DRAFT = {"name": "draft", "rules": [make.rule("prod")]}


@dataclass(frozen=True)
class World:
    """A request of alice's that waits for a data owner, a live grant of hers whose password nobody has read, and a change
    of a custom role that she proposed and a data owner decides on. bob answers in her place, where she could;
    and engineers review all access there is. There is a draft that nobody has proposed.
    """

    cast: Cast
    request: AccessRequest
    grant: Grant
    change: CustomRoleChange
    delegation: Delegation
    item: ReviewItem
    draft: PolicyDraft

    def path(self, template: str) -> str:
        numbers = {"request": self.request.pk, "grant": self.grant.pk, "change": self.change.pk}
        reviewed = {"review": self.item.campaign_id, "item": self.item.pk}
        return template.format(**numbers, **reviewed, delegation=self.delegation.pk, draft=self.draft.pk)

    def body(self, endpoint: Endpoint) -> dict[str, Any] | None:
        """The endpoint's good body, about the request that is there."""
        if endpoint.body is None or "requests" not in endpoint.body:
            return endpoint.body
        return {**endpoint.body, "requests": [{"id": self.request.pk, "revision": 1}]}


def make_active(grant_id: int) -> None:
    """What the workers do, without a target."""
    attempt = grants.start_provisioning(grant_id=grant_id)
    assert attempt is not None
    gates: dict[str, dict[str, object]] = {"user": {"proof": "login"}, "roles": {"roles": ["read@shop.orders"]}}
    assert grants.mark_active(grant_id=grant_id, attempt=attempt.number, gates=gates)


def active_grant(cast: Cast, **changes: Any) -> Grant:
    grant = make.approved_grant(cast.alice, cast.bob, **changes)
    make_active(grant.pk)
    return Grant.objects.get(pk=grant.pk)


def make_world(cast: Cast) -> None:
    """Once; each test gets a copy of its rows."""
    active_grant(cast)
    access_request = make.submit(cast.alice)
    # Its bundle has its number, and nothing else is left in it.
    AccessRequest.objects.filter(pk=access_request.pk).update(bundle=access_request.pk)
    roles.project()
    delegations.delegate(giver=cast.alice, stand_in="bob", ends_at=make.now() + DAY, via=Via.API)
    reviews.start(cast.erin, reviewers=["engineering"])
    roles.propose(cast.alice)
    policy_drafts.draft(text=json.dumps(DRAFT), document=DRAFT, actor=make.OPERATOR)


def world_of(cast: Cast) -> World:
    """What there is in it, read from the copy."""
    return World(
        cast,
        request=AccessRequest.objects.get(state="pending"),
        grant=Grant.objects.get(),
        change=CustomRoleChange.objects.get(),
        delegation=Delegation.objects.get(),
        item=ReviewItem.objects.get(),
        draft=PolicyDraft.objects.get(),
    )


@dataclass(frozen=True)
class Endpoint:
    """One method of one address, with a good body."""

    name: str
    method: str
    path: str
    scope: str
    body: dict[str, Any] | None = None
    filters: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def has_id(self) -> bool:
        return "{" in self.path

    @property
    def may_be_left_out(self) -> set[str]:
        return {"comment", "privileges", "inherits"} if self.method == "POST" else {"reason"}


BROKEN = ask(incident="INC-884", confirm_target="shop-prod", second_factor="123456")
PAGE = ("page_size", "cursor")
REVIEW = {
    "name": "Autumn",
    "due_at": (datetime.now(UTC) + timedelta(days=14)).isoformat(timespec="seconds"),
}
DELETION = {"change": "delete", "role": "alias", "reason": "Nobody uses it."}
AUDIT = ("subject", "event", "since")
_READ = [{"id": 1, "revision": 1}]
ENDPOINTS = (
    Endpoint("targets", "GET", "targets/", "read", filters=PAGE),
    Endpoint("target", "GET", "targets/shop-prod/", "read"),
    Endpoint("target_roles", "GET", "targets/shop-prod/roles/", "read"),
    Endpoint("custom_roles", "GET", "targets/ecommerce-prod/custom-roles/", "read"),
    Endpoint("custom_roles", "POST", "targets/ecommerce-prod/custom-roles/", "request", DELETION),
    Endpoint("preview_role", "POST", "targets/ecommerce-prod/custom-roles/preview/", "request", DELETION),
    Endpoint("custom_role_changes", "GET", "custom-role-changes/", "read", filters=(*PAGE, "state", "target")),
    Endpoint("custom_role_change", "GET", "custom-role-changes/{change}/", "read"),
    Endpoint("approve_role", "POST", "custom-role-changes/{change}/approve/", "decide", {"revision": 1}),
    Endpoint(
        "deny_role", "POST", "custom-role-changes/{change}/deny/", "decide", {"revision": 1, "reason": "No need."}
    ),
    Endpoint("cancel_role", "POST", "custom-role-changes/{change}/cancel/", "request", {}),
    Endpoint("target_others", "GET", "targets/shop-prod/others/", "read", filters=PAGE),
    Endpoint("target_changes", "GET", "targets/shop-prod/changes/", "read", filters=PAGE),
    Endpoint("target_look", "POST", "targets/shop-prod/look/", "request", {}),
    Endpoint("policies", "GET", "policies/", "read", filters=PAGE),
    Endpoint("policy_simulate", "POST", "policies/simulate/", "audit", {"document": json.dumps(DRAFT)}),
    Endpoint("policy_schema", "GET", "policies/schema/", "read"),
    Endpoint("policy_drafts", "GET", "policies/drafts/", "read", filters=PAGE),
    Endpoint("policy_draft", "GET", "policies/drafts/{draft}/", "read"),
    Endpoint("policy_drafts", "POST", "policies/drafts/", "decide", {"document": json.dumps(DRAFT)}),
    Endpoint("policy_draft_propose", "POST", "policies/drafts/{draft}/propose/", "decide", {}),
    Endpoint("policy_draft_publish", "POST", "policies/drafts/{draft}/publish/", "decide", {}),
    Endpoint("policy_draft_agree", "POST", "policies/drafts/{draft}/agree/", "decide", {}),
    Endpoint("policy_draft_reject", "POST", "policies/drafts/{draft}/reject/", "decide", {"why": "Too wide."}),
    Endpoint("access_requests", "GET", "access-requests/", "read", filters=(*PAGE, "state", "mine", "awaiting_me")),
    Endpoint("access_requests", "POST", "access-requests/", "request", ask()),
    Endpoint("preview", "POST", "access-requests/preview/", "request", ask()),
    Endpoint("wizard", "POST", "access-requests/wizard/", "request", {}),
    Endpoint("access_request", "GET", "access-requests/{request}/", "read"),
    Endpoint(
        "access_request", "PATCH", "access-requests/{request}/", "request", {"revision": 1, "reason": "For July only."}
    ),
    Endpoint("approve", "POST", "access-requests/{request}/approve/", "decide", {"revision": 1, "comment": "Fine."}),
    Endpoint("deny", "POST", "access-requests/{request}/deny/", "decide", {"revision": 1, "reason": "Use staging."}),
    Endpoint("cancel", "POST", "access-requests/{request}/cancel/", "request", {}),
    Endpoint("comments", "POST", "access-requests/{request}/comments/", "request", {"text": "Would staging do?"}),
    Endpoint("delegations", "GET", "delegations/", "read", filters=PAGE),
    Endpoint("delegations", "POST", "delegations/", "decide", {"stand_in": "frank", "ends_at": TOMORROW}),
    Endpoint("delegation_end", "POST", "delegations/{delegation}/end/", "decide", {}),
    Endpoint("bundles", "POST", "bundles/", "request", {"asks": [ask(), ask(target="shop-staging")]}),
    Endpoint("bundle", "GET", "bundles/{request}/", "read"),
    Endpoint("bundle_approve", "POST", "bundles/{request}/approve/", "decide", {"requests": _READ, "comment": "Fine."}),
    Endpoint("bundle_deny", "POST", "bundles/{request}/deny/", "decide", {"requests": _READ, "reason": "Use staging."}),
    Endpoint("break_glass", "POST", "break-glass/", "request", BROKEN),
    Endpoint(
        "break_glass_review", "POST", "break-glass/{request}/review/", "decide", {"finding": "real", "note": "Fine."}
    ),
    Endpoint("access_reviews", "GET", "access-reviews/", "read", filters=PAGE),
    Endpoint("access_reviews", "POST", "access-reviews/", "request", REVIEW),
    Endpoint("access_review", "GET", "access-reviews/{review}/", "read"),
    Endpoint(
        "access_review_items", "GET", "access-reviews/{review}/items/", "read", filters=(*PAGE, "state", "target")
    ),
    Endpoint("answer_review", "POST", "access-reviews/items/{item}/answer/", "decide", {"answer": "keep"}),
    Endpoint("cancel_review", "POST", "access-reviews/{review}/cancel/", "request", {"reason": "A wrong scope."}),
    Endpoint("sign_off_review", "POST", "access-reviews/{review}/sign-off/", "decide", {}),
    Endpoint("grants", "GET", "grants/", "read", filters=(*PAGE, "state")),
    Endpoint("grant", "GET", "grants/{grant}/", "read"),
    Endpoint("reveal", "POST", "grants/{grant}/reveal/", "reveal", {}),
    Endpoint("rotate", "POST", "grants/{grant}/rotate/", "reveal", {}),
    Endpoint("release", "POST", "grants/{grant}/release/", "end", {}),
    Endpoint("revoke", "POST", "grants/{grant}/revoke/", "end", {"reason": "The ticket was closed."}),
    Endpoint(
        "extend", "POST", "grants/{grant}/extend/", "request", {"duration": "PT1H", "reason": "The batch is large."}
    ),
    Endpoint("diagnose", "GET", "grants/{grant}/diagnose/", "read"),
    Endpoint("diagnose", "POST", "grants/{grant}/diagnose/", "request", {}),
    Endpoint("audit_events", "GET", "audit-events/", "audit", filters=(*PAGE, *AUDIT)),
    Endpoint("audit_events_export", "GET", "audit-events/export/", "audit", filters=AUDIT),
    Endpoint("audit_events_verify", "GET", "audit-events/verify/", "audit"),
)
POSTS = tuple(endpoint for endpoint in ENDPOINTS if endpoint.method == "POST")
WITH_BODY = tuple(endpoint for endpoint in ENDPOINTS if endpoint.method != "GET")


# What of a row tells that a call has changed it.
TOLD: dict[str, tuple[type[Model], str]] = {
    "audit": (AuditEvent, "sequence"),
    "requests": (AccessRequest, "id, state, revision"),
    "delegations": (Delegation, "id, ended_by"),
    "drafts": (PolicyDraft, "id, state"),
    "changes": (CustomRoleChange, "id, state, note"),
    "reviews": (ReviewCampaign, "id, signed_off_at, cancelled_at"),
    "items": (ReviewItem, "id, answer"),
    "grants": (Grant, "id, state, attempt, note"),
    "credentials": (Credential, "id, state, generation"),
}


def picture() -> dict[str, Any]:
    """Everything that a call could have changed, in one question."""
    models = [model for model in apps.get_app_config("accessrequests").get_models() if model is not CallBucket]
    counts = [f"SELECT 'rows', '{model.__name__}', count(*), '' FROM {model._meta.db_table}" for model in models]
    told = [
        f"SELECT '{name}', '', 0, string_agg(ROW({columns})::text, ' ' ORDER BY ROW({columns})::text)"
        f" FROM {model._meta.db_table}"
        for name, (model, columns) in TOLD.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([*counts, *told]))
        found = cursor.fetchall()
    rows = {name: number for kind, name, number, _ in found if kind == "rows"}
    return {"rows": rows, **{kind: text for kind, _, _, text in found if kind != "rows"}}
