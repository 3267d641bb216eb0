"""Guards break-glass over the API: with a second factor of its own, each code once, and nothing made without one."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.models import AccessRequest, AuditEvent, BreakGlass, Grant
from tests import glass, make
from tests.api.caller import Caller
from tests.api.world import picture
from tests.make import Cast

BODY: dict[str, Any] = {
    "target": "shop-prod",
    "kind": "database_user",
    "roles": ["readWrite@shop"],
    "duration": "PT1H",
    "reason": glass.REASON,
    "incident": "INC-884",
    "confirm_target": "shop-prod",
}


@pytest.fixture
def seed(cast: Cast) -> str:
    return glass.add_second_factor(cast.frank)


def test_gives_access_at_once_and_counts_a_code_once(cast: Cast, seed: str) -> None:
    frank, body = Caller(cast.frank), {**BODY, "second_factor": glass.code_of(seed)}

    answer = frank.post("break-glass/", body, key="k1")

    assert answer.status_code == 201
    told = answer.json()
    assert (told["state"], told["grant"]["state"], told["break_glass"]["incident"]) == (
        "approved",
        "pending",
        "INC-884",
    )
    assert [one["event"] for one in told["timeline"]] == ["breakglass.requested", "breakglass.activated"]
    again = frank.post("break-glass/", body, key="k1")
    assert (again.status_code, again.json()["id"]) == (201, told["id"])
    with_same_code = frank.post("break-glass/", body)
    assert with_same_code.status_code == 403
    assert AccessRequest.objects.count() == 1


@pytest.mark.parametrize("missing", ["second_factor", "reason", "incident", "confirm_target"])
def test_makes_nothing_without(cast: Cast, seed: str, missing: str) -> None:
    body = {**BODY, "second_factor": glass.code_of(seed)}
    frank, before = Caller(cast.frank), picture()

    answer = frank.post("break-glass/", {name: body[name] for name in body if name != missing})

    assert picture() == before
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [missing])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"second_factor": "000000"}, 403),
        ({"reason": "Too short to say."}, 403),
        ({"confirm_target": "shop-dev"}, 422),
        ({"incident": " "}, 422),
        ({"is_drill": "yes"}, 422),
        ({"grantee": "alice"}, 422),
    ],
)
def test_refuses_and_keeps_the_code(cast: Cast, seed: str, changes: dict[str, str], status: int) -> None:
    frank, body = Caller(cast.frank), {**BODY, "second_factor": glass.code_of(seed)}

    assert frank.post("break-glass/", {**body, **changes}).status_code == status

    assert not Grant.objects.exists()
    assert not BreakGlass.objects.exists()
    assert frank.post("break-glass/", body).status_code == 201, "what was wrong did not use the code up"


def test_records_a_wrong_code_and_stops_guessing(cast: Cast, seed: str) -> None:
    frank = Caller(cast.frank)
    for _ in range(5):
        assert "not right" in frank.post("break-glass/", {**BODY, "second_factor": "000000"}).json()["detail"]

    answer = frank.post("break-glass/", {**BODY, "second_factor": glass.code_of(seed)})

    assert "Wait five minutes" in answer.json()["detail"]
    refused = AuditEvent.objects.filter(event="breakglass.refused", subject="target/shop-prod")
    assert refused.count() == 6


def test_refuses_whoever_has_no_second_factor(cast: Cast) -> None:
    make.apply("alice", groups=["on-call"])

    answer = Caller(cast.alice).post("break-glass/", {**BODY, "second_factor": "123456"})

    assert answer.status_code == 403
    assert "no second factor" in answer.json()["detail"]


def test_is_reviewed_by_somebody_else(cast: Cast) -> None:
    access_request = glass.broken(cast.frank)
    glass.ended(access_request)
    path, said = f"break-glass/{access_request.pk}/review/", {"finding": "drill", "note": "It worked."}

    assert Caller(cast.frank).post(path, said).status_code == 403
    assert Caller(cast.alice).post(path, said).status_code == 404
    answer = Caller(cast.carol).post(path, said)

    assert answer.status_code == 200
    assert (answer.json()["break_glass"]["finding"], answer.json()["break_glass"]["reviewed_by"]) == ("drill", "carol")
    assert Caller(cast.carol).post(path, said).status_code == 409
