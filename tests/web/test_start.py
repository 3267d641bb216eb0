"""Guards the first run: an empty installation tells the operator what to do, and an administrator what is missing."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.queries import setup
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, signed_in, text_of


@pytest.mark.django_db
class TestAnEmptyInstallation:
    def test_tells_strangers_what_the_operator_runs(self) -> None:
        home = Browser().get("/")
        text = text_of(Browser().get("/start/"))

        assert (home.status_code, home["Location"]) == (302, "/start/")
        assert "Nobody can sign in here yet" in text
        assert "manage.py people apply people.yaml" in text
        assert "<form" not in text

    def test_leads_its_first_administrator_through_the_rest(self) -> None:
        folk = make.make_people()
        browser = signed_in(folk.erin)

        home, text = browser.get("/"), text_of(browser.get("/start/"))

        assert (home.status_code, home["Location"]) == (302, "/start/")
        assert "manage.py policy publish policy.yaml" in text
        assert "manage.py targets apply targets.yaml" in text
        assert "manage.py people apply" not in text
        missing = {step.title for step in setup.steps(at=make.now()) if not step.is_done}
        assert "A policy is published" in missing
        assert "Somebody administers" not in missing

    def test_sends_others_where_they_belong(self) -> None:
        folk = make.make_people()

        assert signed_in(folk.alice).get("/")["Location"] == "/access/"
        assert signed_in(folk.alice).get("/start/").status_code == 403
        assert signed_in(folk.dave).get("/start/").status_code == 403


class TestASetUpOne:
    def test_leaves_the_administrator_alone(self, cast: Cast) -> None:
        assert signed_in(cast.erin).get("/")["Location"] == "/access/"

    def test_says_nothing_to_strangers(self, cast: Cast) -> None:
        answer = Browser().get("/start/")

        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
        assert Browser().get("/")["Location"] == "/access/"

    def test_shows_the_true_state_of_each_step(self, cast: Cast) -> None:
        text = text_of(signed_in(cast.erin).get("/start/"))

        assert "3 of 3 targets have been read" in text
        assert "No sign of life of relay, worker, worker_urgent" in text
        make.submit(cast.alice)
        done = {step.title: step.is_done for step in setup.steps(at=make.now())}
        assert done["A first request was made"]
        assert not done["The relay and both workers are alive"]


class TestPeople:
    def test_shows_groups_and_live_grants_to_administrators_only(self, cast: Cast) -> None:
        make.active_grant(cast.alice, cast.bob)
        browser = signed_in(cast.erin)

        with CaptureQueriesContext(connection) as captured:
            text = text_of(browser.get("/people/"))

        assert len(captured) <= 12
        assert "Alice Archer" in text
        assert "data-owners" in text
        assert "Nobody is called that" in text_of(browser.get("/people/?q=zzz"))
        assert "Bob Brandt" not in text_of(browser.get("/people/?q=alice"))
        for person in (cast.alice, cast.dave, cast.mallory):
            assert signed_in(person).get("/people/").status_code == 403
