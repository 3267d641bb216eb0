"""Guards how a policy is changed in the portal: written, checked, replayed, proposed, agreed to by others, published."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from accessrequests.models import PolicyDraft, PolicyVersion
from accessrequests.queries import simulation
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of

ONE = {"approvals": [{"group": "security", "people": 1}]}
GUARDED = {"name": "guarded", "rules": [make.rule("prod")], "publishing": ONE}
NEXT = {"name": "next", "rules": [make.rule("prod", maximum="PT1H")], "publishing": ONE}


def _written(cast: Cast, document: dict[str, Any] = NEXT) -> str:
    """The address of a draft that erin wrote in the portal."""
    text = yaml.safe_dump(document).replace("\n", "\r\n")
    answer = signed_in(cast.erin).press("/policies/new/", document=text)
    assert answer.status_code == 303
    address: str = answer["Location"]
    return address


class TestWriting:
    def test_begins_with_the_version_in_force_and_shows_what_is_wrong_by_line(self, cast: Cast) -> None:
        browser = signed_in(cast.erin)
        assert "name: sandbox" in text_of(browser.get("/policies/new/"))

        answer = browser.press("/policies/new/", document="name: x\nrulez: []\n")

        assert answer.status_code == 422
        assert "Line 2, column 1" in text_of(answer)
        assert "the key rulez is unknown, did you mean rules?" in text_of(answer)
        assert "rulez: []" in text_of(answer)
        assert not PolicyDraft.objects.exists()

    def test_keeps_a_draft_and_says_what_it_changes_and_what_cannot_work(self, cast: Cast) -> None:
        make.publish(GUARDED)
        rules = [make.rule("prod", maximum="PT1H"), make.rule("new", eligible=["enginering"])]

        page = text_of(signed_in(cast.alice).get(_written(cast, {**GUARDED, "rules": rules})))

        assert "At most 1 hour." in page
        assert "At most 8 hours." in page
        assert "there is no group called enginering, did you mean engineering?" in page
        assert "Propose draft" not in page
        assert PolicyVersion.objects.count() == 2

    @pytest.mark.django_db
    def test_writes_the_first_of_all(self) -> None:
        folk = make.make_people()

        assert "There is no version yet." in text_of(signed_in(folk.erin).get("/policies/new/"))


class TestPublishing:
    def test_an_administrator_publishes_alone_where_nobody_need_agree(self, cast: Cast) -> None:
        address = _written(cast)
        browser = signed_in(cast.erin)
        assert "Draft" in text_of(browser.get("/policies/"))

        assert browser.press(address, action=f"{address}publish/").status_code == 303

        assert PolicyVersion.objects.latest("version").name == "next"
        assert "Published as version 2" in text_of(browser.get(address))

    def test_needs_a_second_person_where_the_policy_says_so(self, cast: Cast) -> None:
        make.publish(GUARDED)
        address = _written(cast)
        erin, carol = signed_in(cast.erin), signed_in(cast.carol)
        assert "Publish draft" not in text_of(erin.get(address))

        assert erin.press(address, action=f"{address}propose/").status_code == 303
        assert "Agree to draft" not in text_of(erin.get(address))
        assert "It waits for 1 person of security." in text_of(erin.get(address))
        assert erin.post(f"{address}agree/").status_code == 403
        assert carol.press(address, action=f"{address}agree/", comment="Shorter is better.").status_code == 303

        version = PolicyVersion.objects.latest("version")
        assert (version.name, version.published_by) == ("next", cast.erin)
        page = text_of(carol.get(address))
        assert "Carol" in page
        assert "Shorter is better." in page
        assert "Agree to draft" not in page

    def test_says_no_with_a_reason(self, cast: Cast) -> None:
        make.publish(GUARDED)
        address = _written(cast)
        signed_in(cast.erin).press(address, action=f"{address}propose/")
        carol = signed_in(cast.carol)

        assert carol.press(address, action=f"{address}reject/", why="").status_code == 422
        assert carol.press(address, action=f"{address}reject/", why="Too short for releases.").status_code == 303

        assert "Rejected by carol: Too short for releases." in text_of(carol.get(address))
        assert PolicyVersion.objects.latest("version").name == "guarded"

    def test_says_that_another_version_came_in_between(self, cast: Cast) -> None:
        make.publish(GUARDED)
        mine, theirs = _written(cast), _written(cast)
        erin, carol = signed_in(cast.erin), signed_in(cast.carol)
        for address in (mine, theirs):
            erin.press(address, action=f"{address}propose/")
        carol.press(theirs, action=f"{theirs}agree/")

        assert "It has to be proposed again." in text_of(erin.get(mine))
        assert carol.post(f"{mine}agree/").status_code == 409
        assert erin.press(mine, action=f"{mine}propose/").status_code == 303


class TestReplay:
    def test_tells_how_far_it_is_and_then_what_would_be_otherwise(self, cast: Cast) -> None:
        one, _ = make.submit(cast.alice), make.submit(cast.alice, duration=timedelta(minutes=30))
        address = _written(cast)

        answer = signed_in(cast.dave).get(f"{address}simulate/?days=7")
        pieces = [piece.decode() for piece in answer.streaming_content]

        assert "<h1>The last 7 days under draft" in pieces[0]
        assert "2 of 2 requests" in pieces[1]
        assert f"Request {one.pk}" in pieces[-2]
        assert "Rule prod allows at most 1 hour." in pieces[-2]
        assert pieces[-1].rstrip().endswith("</html>")

    def test_says_how_many_were_too_many(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(simulation, "MOST_AT_ONCE", 2)
        for _ in range(3):
            make.submit(cast.alice)

        answer = signed_in(cast.dave).get(f"{_written(cast)}simulate/")
        text = b"".join(answer.streaming_content).decode()

        assert "Only the newest 2 are judged. 1 older one was left out: look back over fewer days." in text

    def test_who_must_agree_sees_the_numbers_and_nobodys_requests(self, cast: Cast) -> None:
        make.publish(GUARDED)
        make.submit(cast.alice)
        address = _written(cast)
        signed_in(cast.erin).press(address, action=f"{address}propose/")
        carol = signed_in(cast.carol)

        text = b"".join(carol.get(f"{address}simulate/").streaming_content).decode()

        assert "0 of 1" in text
        assert "Alice" not in text
        assert signed_in(cast.bob).get(f"{address}simulate/").status_code == 403
