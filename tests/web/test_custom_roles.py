"""Guards the pages of custom roles: what each lets one do and who has it, what a change comes to, and its two buttons."""

from __future__ import annotations

from accessrequests.domain.outside import Kind, Thing
from accessrequests.models import CustomRoleChange, Other
from accessrequests.operations import custom_roles, outside
from tests import make, roles
from tests.make import Cast
from tests.web.browser import signed_in, text_of

LIST = f"/targets/{roles.SLUG}/custom-roles/"
FORM = f"{LIST}change/"


def test_the_list_says_what_each_lets_one_do_and_who_has_it(cast: Cast) -> None:
    roles.project()
    change = roles.propose(cast.alice, "edit", "support")

    page = text_of(signed_in(cast.mallory).get(LIST))

    assert "Read documents in shop.customers and shop.orders." in page
    assert "Belongs to 2 logins." in page
    assert "desk@admin" not in page, "whose login has what is not for everybody"
    assert "reports@admin" in text_of(signed_in(cast.dave).get(LIST))
    assert "In <span" in page
    assert f"/custom-roles/{change.pk}/" in page
    assert LIST in text_of(signed_in(cast.mallory).get(f"/targets/{roles.SLUG}/"))
    assert signed_in(cast.mallory).get("/targets/shop-prod/custom-roles/").status_code == 404


def test_a_role_that_a_change_made_is_known_by_that_change(cast: Cast) -> None:
    roles.project()
    change = roles.propose(cast.alice, "create", "sales")
    roles.approve(change, cast.bob)
    found = [Thing(Kind.ROLE, "sales"), Thing(Kind.ROLE, "support")]
    outside.record_others(slug=roles.SLUG, found=found)
    assert set(Other.objects.values_list("name", flat=True)) == {"sales", "support"}, "nothing was applied yet"
    custom_roles.mark_applied(change_id=change.pk)

    outside.record_others(slug=roles.SLUG, found=found)
    roles.project(roles={**roles.ROLES, "sales": roles.ROLES["reporting"]})

    assert list(Other.objects.values_list("name", flat=True)) == ["support"]
    page = text_of(signed_in(cast.alice).get(LIST))
    assert f'Made by <a href="/custom-roles/{change.pk}/">change {change.pk}</a>, which was approved here.' in page
    assert f"Made by change {change.pk}, which was approved here." in text_of(signed_in(cast.mallory).get(LIST))

    gone = roles.propose(cast.alice, "delete", "sales")
    roles.approve(gone, cast.bob)
    custom_roles.mark_applied(change_id=gone.pk)
    outside.record_others(slug=roles.SLUG, found=found)
    assert Other.objects.count() == 2, "somebody else made it again"


def test_before_it_was_read_it_says_so(cast: Cast) -> None:
    make.apply_atlas(roles.SLUG)
    assert "has not been read yet" in text_of(signed_in(cast.alice).get(LIST))


def test_a_change_is_looked_at_and_proposed_once(cast: Cast) -> None:
    roles.project()
    browser, link = signed_in(cast.alice), f"{FORM}?kind=edit&role=reporting"
    lines = "find,listIndexes@shop.orders\nfind@shop.products\n"

    looked = text_of(browser.press(link, action=FORM, privileges=lines, act="preview"))
    assert "New: read documents in shop.products." in looked
    assert "1 of data-owners must approve it." in looked
    assert "2 logins" in looked, "Those that have a role that has this one in it count too."
    assert "desk@admin" not in looked
    assert not CustomRoleChange.objects.exists()

    filled = {"privileges": lines, "reason": "Reports need the products, too.", "act": "send"}
    sent = browser.press(link, action=FORM, **filled)
    change = CustomRoleChange.objects.get()
    assert (sent.status_code, sent["Location"]) == (303, f"/custom-roles/{change.pk}/")
    assert change.after == {"privileges": ["find,listIndexes@shop.orders", "find@shop.products"], "inherits": []}
    twice = browser.press(link, action=FORM, **filled)
    assert (twice.status_code, "Wait for that first. Nothing was filed." in text_of(twice)) == (409, True)


def test_a_double_click_files_one_change(cast: Cast) -> None:
    roles.project()
    browser = signed_in(cast.alice)
    fields = {"once": "x", "kind": "delete", "role": "alias", "reason": "Nobody uses it.", "act": "send"}

    first, second = (browser.post(FORM, **fields) for _ in range(2))

    assert (first["Location"], first.status_code) == (second["Location"], 303)
    assert CustomRoleChange.objects.count() == 1


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(cast: Cast) -> None:
    roles.project()
    browser = signed_in(cast.alice)

    wrong = browser.press(
        f"{FORM}?kind=create", action=FORM, role="xgen-mine", privileges="find@shop", reason="Why not.", act="send"
    )
    missing = browser.press(f"{FORM}?kind=create", action=FORM, role="sales", privileges="shout@shop", act="send")
    refused = signed_in(cast.mallory).press(
        f"{FORM}?kind=delete&role=alias", action=FORM, reason="I do not like it.", act="send"
    )

    assert "keeps for itself" in text_of(wrong)
    assert "find@shop</textarea>" in text_of(wrong)
    assert "Say why." in text_of(missing)
    assert (
        "mallory is not one of them. Nothing was filed."
        in text_of(refused).replace("An administrator", "").replace("  ", " ")
        or refused.status_code == 403
    )
    assert [one.status_code for one in (wrong, missing, refused)] == [422, 422, 403]
    assert browser.get(f"{FORM}?kind=edit&role=nowhere").status_code == 404
    assert browser.get(f"{FORM}?kind=burn&role=alias").status_code == 404
    assert not CustomRoleChange.objects.exists()


def test_deciding_and_following(cast: Cast) -> None:
    roles.project()
    change = roles.propose(cast.alice)
    page, bob = f"/custom-roles/{change.pk}/", signed_in(cast.bob)

    mine = text_of(signed_in(cast.alice).get(page))
    assert "It waits for 1 person of data-owners." in mine
    assert "Take it back" in mine
    assert "Approve change" not in mine
    assert "desk@admin" not in mine
    deciding = text_of(bob.get(page))
    assert "Reports need the products, too." in deciding
    assert "desk@admin" in deciding, "whoever decides has to know for whom"
    assert bob.press(page, action=f"{page}deny/", reason="").status_code == 422
    assert bob.press(page, action=f"{page}approve/", comment="Fine.").status_code == 303
    assert "It is approved and being made." in text_of(bob.get(page))
    custom_roles.note_trouble(change_id=change.pk, why="Atlas does not answer.")
    assert "Atlas does not answer. It is tried again, and may still be made." in text_of(bob.get(page))
    custom_roles.mark_failed(change_id=change.pk, why="Refused: a limit is reached.")

    done = text_of(bob.get(page))
    assert "It was not made. Refused: a limit is reached." in done
    assert "bob approved" in done
    assert f"Change the role reporting on {roles.SLUG}" in text_of(bob.get("/custom-roles/"))
    assert "Nothing here yet" in text_of(signed_in(cast.mallory).get("/custom-roles/"))


def test_what_cannot_be_approved_any_more_says_why_and_can_be_denied(cast: Cast) -> None:
    roles.project()
    change = roles.propose(cast.alice)
    page, bob = f"/custom-roles/{change.pk}/", signed_in(cast.bob)
    roles.project(roles={name: role for name, role in roles.ROLES.items() if name == "access-0123456789abcdef0123"})

    assert "it cannot be approved: The project has no custom role called reporting." in text_of(bob.get(page))
    assert bob.press(page, action=f"{page}approve/").status_code == 403
    assert bob.press(page, action=f"{page}deny/", reason="It is gone.").status_code == 303
    assert "bob denied it" in text_of(bob.get(page))
