"""Guards several servers in one ask: what each would take is said, one request each is filed, one press decides."""

from __future__ import annotations

from accessrequests.models import AccessRequest, Approval, AuditEvent
from tests import make
from tests.make import Cast
from tests.web.asking import FORM, REASON, press
from tests.web.browser import signed_in, text_of

WRITE = {"roles": "readWrite@shop", "want": "", "duration": "PT2H"}


def ask_for_two(cast: Cast) -> list[AccessRequest]:
    answer = press(signed_in(cast.alice), **WRITE, also=["shop-staging"])
    assert answer.status_code == 303
    return list(AccessRequest.objects.order_by("pk"))


class TestAsking:
    def test_files_a_request_for_each_server_that_is_ticked(self, cast: Cast) -> None:
        first, second = ask_for_two(cast)

        assert [(one.target.slug, one.bundle) for one in (first, second)] == [
            ("shop-prod", first.pk),
            ("shop-staging", first.pk),
        ]
        assert {one.reason for one in (first, second)} == {REASON}

    def test_says_beforehand_what_each_of_them_takes(self, cast: Cast) -> None:
        alice = signed_in(cast.alice)

        page = text_of(press(alice, **WRITE, also=["shop-staging", "shop-dev"], act="preview"))

        assert "On the other servers" in page
        assert "<b>shop-staging</b>: one of data-owners." in page
        assert "<b>shop-dev</b>: at once." in page

    def test_files_nothing_when_one_of_them_refuses(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), roles="dbAdmin@shop", want="", duration="PT2H", also=["shop-staging"])

        assert answer.status_code == 403
        assert "shop-staging: No rule" in text_of(answer)
        assert not AccessRequest.objects.exists()

    def test_offers_only_servers_of_the_same_kind(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), **WRITE, also=["nowhere"])

        assert answer.status_code == 422
        assert "nowhere cannot be asked for together with this server." in text_of(answer)
        assert 'value="shop-staging"' in text_of(signed_in(cast.alice).get(FORM))


class TestDeciding:
    def test_one_press_approves_all_of_them(self, cast: Cast) -> None:
        first, second = ask_for_two(cast)
        bob = signed_in(cast.bob)
        page = text_of(bob.get(f"/approvals/{first.pk}/"))
        assert "Asked together with" in page

        for one in (first, second):
            assert f'name="request" value="{one.pk}.1"' in page
        answer = bob.post(f"/bundles/{first.pk}/approve/", request=[f"{first.pk}.1", f"{second.pk}.1"])

        assert (answer.status_code, answer["Location"]) == (303, f"/approvals/{first.pk}/")
        assert [one.state for one in AccessRequest.objects.order_by("pk")] == ["pending", "approved"]
        assert Approval.objects.filter(person=cast.bob).count() == 2

    def test_one_press_denies_all_of_them_with_a_reason(self, cast: Cast) -> None:
        first, second = ask_for_two(cast)
        bob, both = signed_in(cast.bob), [f"{first.pk}.1", f"{second.pk}.1"]

        bob.post(f"/bundles/{first.pk}/deny/", request=both, reason="   ")
        assert {one.state for one in AccessRequest.objects.all()} == {"pending"}
        bob.post(f"/bundles/{first.pk}/deny/", request=both, reason="Use dev.")

        assert {one.state for one in AccessRequest.objects.all()} == {"denied"}
        assert AuditEvent.objects.filter(event="access_request.denied", via="web").count() == 2

    def test_whoever_decides_on_one_alone_is_offered_no_more(self, cast: Cast) -> None:
        first, second = ask_for_two(cast)

        page = text_of(signed_in(cast.carol).get(f"/approvals/{first.pk}/"))

        assert "Approve all" not in page
        assert f"Request {second.pk}" not in page

    def test_nothing_is_decided_on_what_was_changed_or_is_not_theirs(self, cast: Cast) -> None:
        first, second = ask_for_two(cast)
        bob, both = signed_in(cast.bob), [f"{first.pk}.1", f"{second.pk}.1"]
        AccessRequest.objects.filter(pk=second.pk).update(revision=2)

        assert bob.post(f"/bundles/{first.pk}/approve/", request=both).status_code == 409
        for name in ("x", f"{second.pk}", f"{second.pk}.x", "999999.1"):
            assert bob.post(f"/bundles/{first.pk}/approve/", request=name).status_code == 404
        mallory = signed_in(cast.mallory).post(f"/bundles/{first.pk}/approve/", request=f"{first.pk}.1")
        assert mallory.status_code == 404
        assert not Approval.objects.exists()
        alone = make.submit(cast.alice)
        assert bob.post(f"/bundles/{first.pk}/approve/", request=f"{alone.pk}.1").status_code == 404
