"""Guards that the pages of a grant and of its request, and the API, tell how it was used."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.usage import Login
from accessrequests.models import Grant
from accessrequests.operations import usage
from tests import make
from tests.api.caller import Caller
from tests.make import Cast
from tests.web.browser import signed_in


def test_how_often_when_and_from_where(cast: Cast) -> None:
    make.make_atlas()
    make.approve(make.submit_to_atlas(cast.alice), cast.bob)
    grant = make.activated(Grant.objects.get())
    at = grant.activated_at
    assert at is not None
    alice, api = signed_in(cast.alice), Caller(cast.alice)
    assert api.get(f"grants/{grant.pk}/").json()["usage"] is None
    assert "never used" not in alice.get(f"/access/{grant.pk}/").content.decode()

    hour = timedelta(hours=1)
    usage.record_logins(grant_id=grant.pk, logins=[], since=at, until=at + hour)
    assert "never used" in alice.get(f"/access/{grant.pk}/").content.decode()
    assert "never used" in alice.get(f"/requests/{grant.access_request_id}/").content.decode()
    found = [Login(at + hour, "192.0.2.7", went_well=True), Login(at + hour, "192.0.2.9", went_well=False)]
    usage.record_logins(grant_id=grant.pk, logins=found, since=at + hour, until=at + 2 * hour)

    told = api.get(f"grants/{grant.pk}/").json()["usage"]
    assert (told["logins"], told["failures"], told["addresses"]) == (1, 1, ["192.0.2.7"])
    assert told["first_login"] == told["last_login"]
    for page in (f"/access/{grant.pk}/", f"/requests/{grant.access_request_id}/"):
        shown = alice.get(page).content.decode()
        assert "1 login, first" in shown
        assert "from 192.0.2.7" in shown
        assert "1 refused" in shown
