"""Guards reviews of access over the API: what is listed of them, and that signing off twice with one key is once."""

from __future__ import annotations

from accessrequests.models import AuditEvent, ReviewItem
from tests import make
from tests.api.caller import Caller
from tests.make import Cast
from tests.reviews import ERRANDS, answer, item_of, stand_there, start


def test_they_are_listed_narrowed_and_signed_off_once(cast: Cast) -> None:
    grant = make.active_grant(cast.alice, cast.bob)
    stand_there()
    campaign = start(cast.erin)
    answer(cast.bob, item_of(campaign, ERRANDS))
    dave, erin = Caller(cast.dave), Caller(cast.erin)
    path = f"access-reviews/{campaign.pk}/"

    assert dave.get(path).json()["progress"] == {"total": 2, "open": 1, "keep": 1, "end": 0, "reduce": 0, "over": 0}
    (ours,) = dave.get(f"{path}items/", state="open").json()["results"]
    assert (ours["username"], ours["grant"], ours["state"]) == (grant.username, grant.pk, "open")
    assert dave.get(f"{path}items/", target="shop-dev").json()["results"] == []
    early = erin.post(f"{path}sign-off/", {})
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")

    answered = Caller(cast.bob).post(f"access-reviews/items/{ours['id']}/answer/", {"answer": "end", "reason": "Over."})
    assert (answered.status_code, answered.json()["state"], answered.json()["answered_by"]) == (200, "end", "bob")
    first, again = (erin.post(f"{path}sign-off/", {"note": "Seen."}, key="a key") for _ in range(2))
    assert (first.status_code, first.json()) == (200, again.json())
    assert first.json()["signed_off_by"] == "erin"


def test_what_others_review_is_told_to_nobody_who_asks_by_number(cast: Cast) -> None:
    stand_there(ERRANDS, "till@admin")
    item = item_of(start(cast.erin), "till@admin")
    ReviewItem.objects.filter(pk=item.pk).update(reviewers=["security"])

    asked = Caller(cast.bob).post(f"access-reviews/items/{item.pk}/answer/", {"answer": "keep"})

    assert asked.status_code == 404
    assert not any(word in asked.content.decode() for word in ("till", "security", "shop-prod"))
    assert AuditEvent.objects.filter(event="access_review.refused", actor="bob").exists()
