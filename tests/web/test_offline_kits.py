"""Guards the pages of offline kits: who sees which, that a spent one is red on Health, and the review of a use."""

from __future__ import annotations

from accessrequests.models import AuditEvent, KitUse
from tests import kits
from tests.make import Cast
from tests.web.browser import signed_in, text_of


def test_a_kit_is_shown_to_whom_it_concerns_and_to_nobody_else(cast: Cast) -> None:
    kits.declare()
    assert "none was made yet" in text_of(signed_in(cast.erin).get("/break-glass/kits/"))
    kit = kits.made()

    for person in (cast.frank, cast.carol, cast.dave):
        page = text_of(signed_in(person).get("/break-glass/kits/"))
        assert kit.fingerprint in page
        assert "frank, erin" in page
    assert "No kit that concerns you" in text_of(signed_in(cast.alice).get("/break-glass/kits/"))
    assert "Offline kit" in text_of(signed_in(cast.dave).get("/health/"))


def test_a_use_is_red_until_somebody_who_held_no_half_reviewed_it(cast: Cast) -> None:
    use = kits.used()
    address = f"/break-glass/kits/uses/{use.pk}/"
    assert "Somebody logged in with the offline kit of shop-prod" in text_of(signed_in(cast.erin).get("/health/"))
    assert "The kit is spent: make a new one." in text_of(signed_in(cast.erin).get("/health/"))
    for holder in (cast.frank, cast.erin):
        assert "Your review" not in text_of(signed_in(holder).get(address))
    assert signed_in(cast.alice).get(address).status_code == 404

    carol = signed_in(cast.carol)
    nothing = carol.press(address, action=f"{address}review/", finding="real", note="\u200b")
    assert nothing.status_code == 422
    typed = {"finding": "real", "note": "The ledger was mended by hand, as its log says."}
    assert carol.press(address, action=f"{address}review/", **typed).status_code == 303

    assert KitUse.objects.get().reviewed_by == cast.carol
    assert AuditEvent.objects.filter(event="breakglass.kit_reviewed", actor="carol").count() == 1
    page = text_of(carol.get(address))
    assert "Reviewed: a real emergency" in page
    assert "Uses that were reviewed" in text_of(carol.get("/break-glass/kits/"))
