"""Guards "Why can't I connect?" on the page of an access: asked with a plain form, answered gate by gate."""

from __future__ import annotations

import pytest

from accessrequests.domain.diagnosis import Cause, Diagnosis, Shut, findings
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import GateName
from accessrequests.models import Diagnosis as Asked
from accessrequests.models import Grant
from accessrequests.operations import diagnoses
from accessrequests.operations import grants as operations
from tests.api.caller import Caller
from tests.make import Cast
from tests.web import grants
from tests.web.browser import signed_in, text_of

SHUT = Shut(Cause.ENTRY_PENDING, "127.0.0.1/32")
KNOWN = frozenset(GateName)


@pytest.fixture
def grant(cast: Cast) -> Grant:
    return grants.live(cast.alice, cast.bob, source_addresses=("127.0.0.1",))


def answer(grant: Grant, *shut: Shut) -> None:
    diagnoses.answer(grant_id=grant.pk, findings=findings(GateName, Diagnosis(known=KNOWN, shut=shut)))


def test_the_page_asks_waits_and_shows_which_gate_is_shut(cast: Cast, grant: Grant) -> None:
    alice, address = signed_in(cast.alice), f"/access/{grant.pk}/"
    assert "Find out" in alice.get(address).content.decode()

    asked = alice.post(f"{address}diagnose/")
    assert (asked.status_code, asked["Location"]) == (303, f"{address}#doctor")
    assert Asked.objects.get().asked_from == "127.0.0.1"
    waiting = alice.get(address).content.decode()
    assert "A worker is looking at every gate" in waiting
    assert "Find out" not in waiting
    answer(grant, SHUT)

    told = alice.get(address).content.decode()
    assert "The entry for 127.0.0.1/32 is on the access list and not active yet." in told
    assert "Wait a minute or two" in told
    assert "Look again" in told
    assert "If you see" not in told


def test_access_that_is_over_has_no_older_look_and_no_button(cast: Cast, grant: Grant) -> None:
    alice, address = signed_in(cast.alice), f"/access/{grant.pk}/"
    alice.post(f"{address}diagnose/")
    answer(grant)
    assert "Nothing was found that would keep anybody out." in text_of(alice.get(address))

    started = operations.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
    for ended in (started, grants.gone(grant)):
        page = text_of(alice.get(address))
        assert "Look again" not in page, ended.state
        assert "keep anybody out" not in page
        assert "diagnose/" not in page


def test_the_part_that_waits_stops_asking_when_the_answer_is_there(cast: Cast, grant: Grant) -> None:
    bob, part = signed_in(cast.bob), f"/access/{grant.pk}/diagnose/"
    bob.post(part)
    assert bob.get(part, headers={"HX-Request": "true"}).status_code == 200
    answer(grant)

    told = bob.get(part, headers={"HX-Request": "true"})

    assert told.status_code == 286
    assert "Nothing was found that would keep anybody out." in told.content.decode()
    assert "If you see “Authentication failed”" in told.content.decode()


def test_the_api_tells_the_same(cast: Cast, grant: Grant) -> None:
    alice, path = Caller(cast.alice), f"grants/{grant.pk}/diagnose/"
    assert alice.get(path).json()["state"] == "none"

    asked = alice.post(path, {})
    assert (asked.status_code, asked.json()["state"], asked.json()["asked_by"]) == (202, "asked", "alice")
    answer(grant, SHUT)

    told = alice.get(path).json()
    assert told["state"] == "done"
    assert [(gate["gate"], gate["state"]) for gate in told["gates"]] == [
        ("network", "shut"),
        ("user", "open"),
        ("roles", "open"),
    ]
    assert told["gates"][0]["causes"][0]["cause"] == "entry_pending"
    assert told["hints"] == []
    alice.post(path, {})
    answer(grant)
    assert [symptom["seen"] for symptom in alice.get(path).json()["hints"]][:2] == [
        "Authentication failed",
        "Not authorized",
    ]
