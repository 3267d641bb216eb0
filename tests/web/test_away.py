"""Guards the page While I am away: who answers for whom, made only on a fresh sign-in, ended with one press."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import Approval, AuditEvent, Delegation
from accessrequests.operations import delegations
from tests import make
from tests.make import Cast
from tests.web.browser import give_password, signed_in, text_of

DAY = timedelta(days=1)


def typed(**changes: Any) -> dict[str, Any]:
    return {"stand_in": "frank", "ends_at": f"{make.now() + DAY:%Y-%m-%dT%H:%M}", **changes}


class TestMake:
    def test_says_who_answers_until_when_and_ends_it(self, cast: Cast) -> None:
        browser = signed_in(cast.grace)

        assert browser.press("/account/away/", **typed()).status_code == 303

        made = Delegation.objects.get()
        assert (made.giver, made.stand_in) == (cast.grace, cast.frank)
        assert AuditEvent.objects.get(event="delegation.made").via == "web"
        assert f"{cast.frank.name} answers for you" in text_of(browser.get("/account/away/"))
        assert f"You answer for {cast.grace.name}" in text_of(signed_in(cast.frank).get("/account/away/"))
        assert browser.press("/account/away/", action=f"/account/away/{made.pk}/end/").status_code == 303
        assert "ended early" in text_of(browser.get("/account/away/"))

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"stand_in": ""}, "id_stand_in"),
            ({"stand_in": "nobody"}, "id_stand_in"),
            ({"starts_at": "tomorrow"}, "id_starts_at"),
            ({"ends_at": ""}, "id_ends_at"),
            ({"ends_at": "2020-01-01T00:00"}, "id_ends_at"),
        ],
    )
    def test_says_what_is_wrong_beside_it(self, cast: Cast, wrong: dict[str, Any], field: str) -> None:
        answer = signed_in(cast.grace).press("/account/away/", **typed(**wrong))
        assert answer.status_code == 422
        assert f'href="#{field}"' in text_of(answer)
        assert not Delegation.objects.exists()

    def test_says_why_not_in_a_circle_and_keeps_what_was_typed(self, cast: Cast) -> None:
        delegations.delegate(giver=cast.frank, stand_in="grace", ends_at=make.now() + DAY, via=Via.API)
        answer = signed_in(cast.grace).press("/account/away/", **typed())
        assert answer.status_code == 422
        assert "cannot stand in for each other" in text_of(answer)
        assert 'value="frank"' in text_of(answer)

    def test_wants_the_password_again_after_fifteen_minutes(self, cast: Cast) -> None:
        give_password(cast.grace)
        answer = signed_in(cast.grace, minutes_ago=16).press("/account/away/", **typed())
        assert answer["Location"] == "/accounts/reauthenticate/?next=%2Faccount%2Faway%2F"
        assert not Delegation.objects.exists()


def test_says_where_nobody_would_have_anything_to_answer(cast: Cast) -> None:
    said = "The policy asks no group of yours"
    assert said in text_of(signed_in(cast.alice).get("/account/away/"))
    assert said in text_of(signed_in(cast.alice).get("/account/"))
    assert said not in text_of(signed_in(cast.grace).get("/account/away/"))


def test_the_stand_in_decides_and_every_page_says_for_whom(cast: Cast) -> None:
    access_request = make.submit(cast.alice)
    delegations.delegate(giver=cast.grace, stand_in="frank", ends_at=make.now() + DAY, via=Via.WEB)
    browser = signed_in(cast.frank)

    page = text_of(browser.get(f"/approvals/{access_request.pk}/"))
    assert "You decide as data-owners, in the place of grace." in page
    assert "frank for grace" in text_of(signed_in(cast.bob).get(f"/approvals/{access_request.pk}/"))
    done = browser.press(
        f"/approvals/{access_request.pk}/", action=f"/approvals/{access_request.pk}/approve/", revision="1"
    )

    assert done.status_code == 303
    assert Approval.objects.get().on_behalf_of == cast.grace
    shown = text_of(signed_in(cast.alice).get(f"/requests/{access_request.pk}/"))
    assert "frank, for grace, approved for data-owners" in shown
    assert "frank for grace" in shown
