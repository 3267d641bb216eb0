"""Guards the changing of a request in the portal: the same form over what was asked, and nobody's answer to the old."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.models import AccessRequest, AuditEvent
from tests import make
from tests.make import Cast
from tests.web.browser import Forms, signed_in, text_of


def test_what_was_asked_is_in_the_form_and_what_is_sent_takes_its_place(cast: Cast) -> None:
    asked = make.submit(cast.alice, roles=("readWrite@shop.orders",), ticket="INC-7")
    make.approve(asked, cast.bob)
    alice, address = signed_in(cast.alice), f"/requests/{asked.pk}/change/"
    assert f'href="{address}"' in text_of(alice.get(f"/requests/{asked.pk}/"))
    fields = Forms(text_of(alice.get(address))).fields_of(address)
    assert (fields["revision"], fields["ticket"], fields["duration"]) == ("1", "INC-7", "PT2H")

    answer = alice.client.post(address, {**fields, "duration": "PT1H", "reason": "An hour is enough for orders."})

    assert (answer.status_code, answer["Location"]) == (303, f"/requests/{asked.pk}/")
    now = AccessRequest.objects.get()
    assert (now.revision, now.duration, now.roles) == (2, timedelta(hours=1), ["readWrite@shop.orders"])
    assert (now.reason, now.ticket) == ("An hour is enough for orders.", "INC-7")
    assert AuditEvent.objects.get(event="access_request.edited").via == "web"
    page = text_of(signed_in(cast.bob).get(f"/approvals/{asked.pk}/"))
    assert "revision 2" in page
    assert "Approve 1 h" in page


def test_a_form_over_an_older_revision_changes_nothing(cast: Cast) -> None:
    asked = make.submit(cast.alice)
    alice, address = signed_in(cast.alice), f"/requests/{asked.pk}/change/"
    fields = Forms(text_of(alice.get(address))).fields_of(address)
    alice.client.post(address, {**fields, "reason": "The first of two changes."})

    answer = alice.client.post(address, {**fields, "reason": "The second of two changes."})

    assert answer.status_code == 409
    assert AccessRequest.objects.get().reason == "The first of two changes."


def test_other_peoples_requests_and_decided_ones_stay_as_they_are(cast: Cast) -> None:
    asked = make.submit(cast.alice)
    fields = {
        "target": "shop-prod",
        "roles": "read@shop.orders",
        "duration": "PT1H",
        "reason": "Somebody else's words.",
    }

    for person in (cast.bob, cast.erin):
        answer = signed_in(person).post(f"/requests/{asked.pk}/change/", **fields, revision="1")
        assert answer.status_code == 403
    make.approve(asked, cast.bob)
    answer = signed_in(cast.alice).post(f"/requests/{asked.pk}/change/", **fields, revision="1")

    assert answer.status_code == 409
    assert AccessRequest.objects.get().revision == 1
