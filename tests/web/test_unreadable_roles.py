"""Guards that a role whose name cannot be read breaks no page: it is told as it is, and its reach as unknown."""

from __future__ import annotations

import pytest

from accessrequests.models import AccessRequest, Inventory
from tests import make
from tests.make import Cast
from tests.web.addresses import address_of, objects_of, routes
from tests.web.browser import signed_in, text_of
from tests.web.grants import live

UNREADABLE = ["read", "@shop", "a@b@c", ""]


@pytest.mark.parametrize("label", UNREADABLE)
def test_every_page_stands(cast: Cast, label: str) -> None:
    pending, grant = make.submit(cast.alice), live(cast.alice, cast.bob)
    for one in AccessRequest.objects.all():
        one.roles = [label, *one.roles]
        one.save()
    for inventory in Inventory.objects.all():
        inventory.roles = {**inventory.roles, label: inventory.roles["read@shop"]}
        inventory.save()
    objects = objects_of(grant=grant, request_id=pending.pk)

    for name in ("bob", "erin"):
        browser = signed_in(getattr(cast, name))
        for path in (*(address_of(route, objects) for route in routes()), "/search/?q=shop", ASKED.format(label)):
            assert browser.get(path).status_code < 500, (name, path)
    page = text_of(signed_in(cast.bob).get(f"/approvals/{pending.pk}/"))
    assert "Treat it as admin." in page
    assert label in page


ASKED = "/request/?target=shop-prod&role={}"
