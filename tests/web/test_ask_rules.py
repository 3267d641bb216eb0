"""Guards that the form says beforehand what a rule wants to be written, and suggests what it suggests."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.models import AccessRequest
from tests import make
from tests.make import Cast
from tests.web.asking import FORM, press
from tests.web.browser import Forms, signed_in, text_of

TICKET = {"pattern": "OPS-[0-9]+", "hint": "of the operations board"}


def test_the_ticket_that_a_rule_wants_is_asked_for_and_kept_to(cast: Cast) -> None:
    make.publish_rules(make.rule("with-ticket", ticket=TICKET))
    alice = signed_in(cast.alice)
    assert "It must look like OPS-[0-9]+ (of the operations board)." in text_of(alice.get(FORM))

    assert press(alice).status_code == 422
    assert press(alice, ticket="INC-7").status_code == 403
    assert not AccessRequest.objects.exists()
    assert press(alice, ticket="OPS-7").status_code == 303
    assert AccessRequest.objects.get().ticket == "OPS-7"


def test_the_length_that_a_rule_suggests_is_chosen_at_first(cast: Cast) -> None:
    make.publish_rules(make.rule("short", default="PT45M"))

    fields = Forms(text_of(signed_in(cast.alice).get(FORM))).fields_of("/request/")
    press(signed_in(cast.alice))

    assert fields["duration"] == "PT45M"
    assert AccessRequest.objects.get().duration == timedelta(minutes=45)
