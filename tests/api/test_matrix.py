"""Guards who may do what: every address for every kind of person, on their own and on others' objects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.urls import URLPattern

from accessrequests.api.urls import urlpatterns
from accessrequests.models import AuditEvent
from tests.api.caller import Caller
from tests.api.world import ENDPOINTS, Endpoint, World, picture

PEOPLE = ("alice", "bob", "carol", "dave", "erin", "mallory")
FILING_NOTHING = {"preview", "preview_role", "policy_simulate", "wizard"}
PUBLIC = {"schema", "docs", None}

# The request is alice's and waits for a data owner; the grant is alice's and live. bob is a data owner, carol decides
# on other things, dave audits, erin administers, mallory is in no group. (carol asks nobody: she is not in engineering.)
EXPECTED: dict[str, tuple[int, int, int, int, int, int]] = {
    #                                     alice bob  carol dave erin mallory
    "GET targets/": (200, 200, 200, 200, 200, 200),
    "GET targets/shop-prod/": (200, 200, 200, 200, 200, 200),
    "GET targets/shop-prod/roles/": (200, 200, 200, 200, 200, 200),
    "GET targets/ecommerce-prod/custom-roles/": (200, 200, 200, 200, 200, 200),
    "POST targets/ecommerce-prod/custom-roles/": (201, 201, 403, 403, 403, 403),
    "POST targets/ecommerce-prod/custom-roles/preview/": (200, 200, 200, 200, 200, 200),
    "GET custom-role-changes/": (200, 200, 200, 200, 200, 200),
    "GET custom-role-changes/{change}/": (200, 200, 404, 200, 200, 404),
    "POST custom-role-changes/{change}/approve/": (403, 200, 404, 403, 403, 404),
    "POST custom-role-changes/{change}/deny/": (403, 200, 404, 403, 403, 404),
    "POST custom-role-changes/{change}/cancel/": (200, 403, 404, 403, 200, 404),
    "GET targets/shop-prod/others/": (403, 403, 403, 200, 200, 403),
    "GET targets/shop-prod/changes/": (403, 403, 403, 200, 200, 403),
    "POST targets/shop-prod/look/": (403, 403, 403, 403, 202, 403),
    "GET policies/": (200, 200, 200, 200, 200, 200),
    "POST policies/simulate/": (403, 403, 403, 200, 200, 403),
    "GET policies/drafts/": (200, 200, 200, 200, 200, 200),
    "GET policies/drafts/{draft}/": (200, 200, 200, 200, 200, 200),
    "POST policies/drafts/": (403, 403, 403, 403, 201, 403),
    "POST policies/drafts/{draft}/propose/": (403, 403, 403, 403, 403, 403),  # nobody need agree
    "POST policies/drafts/{draft}/publish/": (403, 403, 403, 403, 200, 403),
    "POST policies/drafts/{draft}/agree/": (409, 409, 409, 409, 409, 409),  # nobody proposed it
    "POST policies/drafts/{draft}/reject/": (403, 403, 403, 403, 200, 403),
    "GET policies/schema/": (200, 200, 200, 200, 200, 200),
    "GET access-requests/": (200, 200, 200, 200, 200, 200),
    "POST access-requests/": (201, 201, 403, 403, 403, 403),
    "POST access-requests/preview/": (200, 200, 200, 200, 200, 200),
    "POST access-requests/wizard/": (200, 200, 200, 200, 200, 200),
    "GET access-requests/{request}/": (200, 200, 404, 200, 200, 404),
    "PATCH access-requests/{request}/": (200, 403, 404, 403, 403, 404),
    "POST access-requests/{request}/approve/": (403, 200, 404, 403, 403, 404),
    "POST access-requests/{request}/deny/": (403, 200, 404, 403, 403, 404),
    "POST access-requests/{request}/cancel/": (200, 403, 404, 403, 403, 404),
    "POST access-requests/{request}/comments/": (201, 201, 404, 403, 201, 404),
    "GET delegations/": (200, 200, 200, 200, 200, 200),
    "POST delegations/": (201, 201, 201, 201, 201, 201),
    "POST delegations/{delegation}/end/": (200, 200, 404, 403, 200, 404),
    "POST bundles/": (201, 201, 403, 403, 403, 403),
    "GET bundles/{request}/": (200, 200, 404, 200, 200, 404),
    "POST bundles/{request}/approve/": (403, 200, 404, 403, 403, 404),
    "POST bundles/{request}/deny/": (403, 200, 404, 403, 403, 404),
    "POST break-glass/": (403, 403, 403, 403, 403, 403),  # they name frank; test_break_glass.py is him
    "POST break-glass/{request}/review/": (403, 403, 404, 403, 403, 404),
    "GET access-reviews/": (200, 200, 200, 200, 200, 200),
    "POST access-reviews/": (403, 403, 403, 403, 201, 403),
    "GET access-reviews/{review}/": (200, 200, 404, 200, 200, 404),
    "GET access-reviews/{review}/items/": (200, 200, 404, 200, 200, 404),
    "POST access-reviews/items/{item}/answer/": (403, 200, 404, 403, 200, 404),
    "POST access-reviews/{review}/sign-off/": (403, 403, 404, 403, 409, 404),
    "POST access-reviews/{review}/cancel/": (403, 403, 404, 403, 200, 404),
    "GET grants/": (200, 200, 200, 200, 200, 200),
    "GET grants/{grant}/": (200, 200, 404, 200, 200, 404),
    "POST grants/{grant}/reveal/": (200, 403, 404, 403, 403, 404),
    "POST grants/{grant}/rotate/": (202, 403, 404, 403, 403, 404),
    "POST grants/{grant}/release/": (202, 403, 404, 403, 403, 404),
    "POST grants/{grant}/revoke/": (403, 202, 404, 403, 202, 404),
    "POST grants/{grant}/extend/": (202, 403, 404, 403, 403, 404),
    "GET grants/{grant}/diagnose/": (200, 200, 404, 200, 200, 404),
    "POST grants/{grant}/diagnose/": (202, 202, 404, 202, 202, 404),
    "GET audit-events/": (200, 200, 200, 200, 200, 200),
    "GET audit-events/export/": (200, 200, 200, 200, 200, 200),
    "GET audit-events/verify/": (403, 403, 403, 200, 200, 403),
}
# These leave a trace, and nothing else: taking the trail away, deciding on what one may not decide, and reaching for
# another's access.
RECORDED = {
    "GET audit-events/export/": {200: "audit.exported"},
    "POST access-requests/{request}/approve/": {403: "access_request.refused", 404: "access_request.refused"},
    "POST access-requests/{request}/deny/": {403: "access_request.refused", 404: "access_request.refused"},
    "POST bundles/{request}/approve/": {403: "access_request.refused", 404: "access_request.refused"},
    "POST bundles/{request}/deny/": {403: "access_request.refused", 404: "access_request.refused"},
    "POST custom-role-changes/{change}/approve/": {403: "custom_role.refused", 404: "custom_role.refused"},
    "POST custom-role-changes/{change}/deny/": {403: "custom_role.refused", 404: "custom_role.refused"},
    "POST custom-role-changes/{change}/cancel/": {404: "custom_role.refused"},
    "POST access-reviews/items/{item}/answer/": {403: "access_review.refused", 404: "access_review.refused"},
    "POST access-reviews/{review}/sign-off/": {403: "access_review.refused", 404: "access_review.refused"},
    "POST access-reviews/{review}/cancel/": {403: "access_review.refused", 404: "access_review.refused"},
    "POST grants/{grant}/reveal/": {403: "grant.refused", 404: "grant.refused"},
    "POST grants/{grant}/rotate/": {403: "grant.refused", 404: "grant.refused"},
    "POST grants/{grant}/revoke/": {403: "grant.refused", 404: "grant.refused"},
    "POST grants/{grant}/release/": {404: "grant.refused"},
    "POST grants/{grant}/extend/": {403: "grant.refused"},
    "PATCH access-requests/{request}/": {404: "access_request.refused"},
    "POST access-requests/{request}/cancel/": {404: "access_request.refused"},
    "POST break-glass/": {403: "breakglass.refused"},
    "POST break-glass/{request}/review/": {404: "access_request.refused"},
    "POST access-requests/{request}/comments/": {404: "access_request.refused"},
}


def test_every_address_has_its_line() -> None:
    named = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}

    assert named - PUBLIC == {endpoint.name for endpoint in ENDPOINTS}
    assert set(EXPECTED) == {str(endpoint) for endpoint in ENDPOINTS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_the_matrix(world: World, endpoint: Endpoint) -> None:
    for person in PEOPLE:
        with undone():
            check_cell(world, endpoint, person)


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """Take back what happens inside, so that one world serves everybody."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # operations accept no other transaction around them
    with block:
        yield
        transaction.set_rollback(True)


def check_cell(world: World, endpoint: Endpoint, person: str) -> None:
    expected = EXPECTED[str(endpoint)][PEOPLE.index(person)]
    caller = Caller(getattr(world.cast, person))
    before = picture()

    path = world.path(endpoint.path)
    answer = caller.get(path) if endpoint.method == "GET" else caller.write(endpoint.method, path, world.body(endpoint))

    assert answer.status_code == expected, answer.content
    recorded = RECORDED.get(str(endpoint), {}).get(expected)
    if recorded is not None:
        newest = AuditEvent.objects.latest("sequence")
        assert (newest.event, newest.actor, newest.via) == (recorded, person, "api")
        after = picture()
        assert after["rows"].pop("AuditEvent") == before["rows"].pop("AuditEvent") + 1
        assert {**after, "audit": None} == {**before, "audit": None}
    elif expected >= 400 or endpoint.method == "GET" or endpoint.name in FILING_NOTHING:
        assert picture() == before
    else:
        assert picture() != before


def test_lists_show_only_what_one_may_see(world: World) -> None:
    for person in PEOPLE:
        check_lists(world, person)


def check_lists(world: World, person: str) -> None:
    caller = Caller(getattr(world.cast, person))

    requests = {one["id"] for one in caller.get("access-requests/").json()["results"]}
    grants = {one["id"] for one in caller.get("grants/").json()["results"]}
    actors = {one["actor"] for one in caller.get("audit-events/").json()["results"]}

    sees_all = person in {"alice", "bob", "dave", "erin"}
    both = {world.request.pk, world.grant.access_request_id}
    assert requests == (both if sees_all else set())
    assert grants == ({world.grant.pk} if sees_all else set())
    if person == "mallory":
        assert actors <= {"mallory", "os:tests"}
    assert ("os:tests" in actors) or person in {"alice", "bob", "carol", "mallory"}
