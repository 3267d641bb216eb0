"""Guards that a role whose name cannot be read is told as it is, and its reach as unknown. The pages: test_every_page.py."""

from __future__ import annotations

from accessrequests.models import AccessRequest
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.web.hostile import UNREADABLE


def test_who_decides_is_told_to_treat_it_as_admin(cast: Cast) -> None:
    browser = signed_in(cast.bob)

    for label in UNREADABLE:
        pending = make.submit(cast.alice)
        AccessRequest.objects.filter(pk=pending.pk).update(roles=[label, *pending.roles])
        page = text_of(browser.get(f"/approvals/{pending.pk}/"))
        assert "Treat it as admin." in page, label
        assert label in page
