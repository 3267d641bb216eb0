"""Guards the page of policies: rules in words, what changed, and a try that is judged like a real ask and files nothing."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.models import AccessRequest, AuditEvent
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of

TRY = {"target": "shop-prod", "role": "read@shop.orders", "length": "PT2H"}


class TestThePage:
    def test_says_each_rule_in_words(self, cast: Cast) -> None:
        text = text_of(signed_in(cast.mallory).get("/policies/"))

        assert "All rules that match hold together." in text
        assert "the target is production" in text
        assert "People of engineering may ask." in text
        assert "1 person of data-owners" in text
        assert "At most 8 hours." in text
        assert "The reason needs at least 10 characters." in text

    def test_shows_older_versions_and_what_changed(self, cast: Cast) -> None:
        make.publish_rules(make.rule("prod", maximum="PT1H"))
        make.publish_rules(
            make.rule("prod", maximum="PT30M"), make.rule("never", deny=True, match={"levels": ["admin"]})
        )
        browser = signed_in(cast.alice)

        newest, older = text_of(browser.get("/policies/")), text_of(browser.get("/policies/?version=2"))

        assert "another, version 3" in newest
        assert "denies" in newest
        assert "maximum: PT30M" in newest
        assert "Removed:" in newest
        assert "No longer in force; version 3 is." in older
        assert "At most 1 hour." in older
        assert "Change from version 1" in text_of(browser.get("/policies/?version=3&against=1"))

    @pytest.mark.parametrize("version", ["99", "x", "0", "9" * 30])
    def test_a_version_that_never_was_is_not_found(self, cast: Cast, version: str) -> None:
        assert signed_in(cast.alice).get(f"/policies/?version={version}").status_code == 404

    @pytest.mark.django_db
    def test_without_any_says_so(self) -> None:
        folk = make.make_people()

        assert "manage.py policy publish" in text_of(signed_in(folk.erin).get("/policies/"))
        assert "manage.py" not in text_of(signed_in(folk.alice).get("/policies/"))


class TestTry:
    def test_says_what_a_real_ask_would_meet_and_files_nothing(self, cast: Cast) -> None:
        before = AuditEvent.objects.count()

        text = text_of(signed_in(cast.alice).get("/policies/", data=TRY))

        assert "1 person of data-owners must approve." in text
        assert "For Alice Archer, read access on shop-prod." in text
        assert "does not apply:" in text
        assert (AccessRequest.objects.count(), AuditEvent.objects.count()) == (0, before)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"length": "PT24H"}, "allows at most 8 hours"),
            ({"length": "PT24H"}, "applies, and refuses:"),
            ({"target": "shop-dev"}, "Given at once"),
            ({"role": "userAdmin@shop"}, "can give or change access itself"),
            ({"role": "nothing@shop"}, "nothing"),
            ({"role": "read@shop.nowhere"}, "no collection called nowhere"),
            ({"length": "soon"}, "ISO 8601"),
        ],
    )
    def test_says_why_not(self, cast: Cast, changes: dict[str, str], said: str) -> None:
        assert said in text_of(signed_in(cast.alice).get("/policies/", data=TRY | changes))

    def test_administrators_try_for_anybody_and_others_for_themselves(self, cast: Cast) -> None:
        erin, alice = signed_in(cast.erin), signed_in(cast.alice)

        assert "For Mallory Moss" in text_of(erin.get("/policies/", data=TRY | {"who": "mallory"}))
        assert "nobody with the user name" in text_of(erin.get("/policies/", data=TRY | {"who": "nobody"}))
        assert "For Alice Archer" in text_of(alice.get("/policies/", data=TRY | {"who": "mallory"}))

    def test_a_target_that_was_not_read_says_so(self, cast: Cast) -> None:
        make.unread_target()

        text = text_of(signed_in(cast.alice).get("/policies/", data=TRY | {"target": "shop-new"}))

        assert "has not been read yet" in text

    def test_is_cheap(self, cast: Cast) -> None:
        browser = signed_in(cast.erin)

        with CaptureQueriesContext(connection) as captured:
            browser.get("/policies/", data=TRY)

        assert len(captured) <= 16
