"""Guards the pages of what others have and did on a target: for those who watch, in words, page by page, and looked at on demand."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.outside import Change, Kind, Thing
from accessrequests.models import Other
from accessrequests.operations import outside
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of

OTHERS, CHANGES, TARGET = "/targets/shop-prod/others/", "/targets/shop-prod/changes/", "/targets/shop-prod/"


def test_what_others_have_is_listed_with_its_age_and_last_login(cast: Cast) -> None:
    assert "Nothing that is not ours" in text_of(signed_in(cast.dave).get(OTHERS))
    outside.record_others(
        slug="shop-prod",
        found=[Thing(Kind.USER, f"team{number}@admin", "read@shop") for number in range(26)]
        + [Thing(Kind.ENTRY, "198.51.100.0/24", "<b>office</b>")],
    )
    made = make.now() - timedelta(days=3)
    Other.objects.filter(name="team0@admin").update(made_at=made, made_by="ops@example.com", last_login_at=made)

    first, second = (text_of(signed_in(cast.dave).get(f"{OTHERS}?page={page}")) for page in (1, 2))

    assert "address on the access list: &lt;b&gt;office&lt;/b&gt;" in first
    assert "made by ops@example.com" in first
    assert "not known" in first
    assert "this kind of target keeps no logins" in first
    assert "Page 2 of 2" in second


def test_what_others_changed_is_listed_newest_first(cast: Cast) -> None:
    assert "does not tell who changed what" in text_of(signed_in(cast.erin).get(CHANGES))
    grant = make.active_grant(cast.alice, cast.bob)
    changes = [
        Change("e1", "MONGODB_USER_ADDED", Kind.USER, "billing", "ops@example.com", make.now() - timedelta(hours=1)),
        Change("e2", "MONGODB_USER_UPDATED", Kind.USER, grant.username, "ops@example.com", make.now()),
    ]
    outside.record_changes(slug="shop-prod", changes=changes, until=make.now())

    text = text_of(signed_in(cast.erin).get(CHANGES))

    ours, theirs = f"changed the database user {grant.username}", "made the database user billing"
    assert text.index(ours) < text.index(theirs)
    assert text.count('<span class="tag bad">touches ours') == 1


def test_an_administrator_has_it_looked_at_and_others_only_see(cast: Cast) -> None:
    erin = signed_in(cast.erin)
    assert "Look now" in text_of(erin.get(TARGET))
    assert "Look now" not in text_of(signed_in(cast.dave).get(TARGET))
    assert "that we did not make" not in text_of(signed_in(cast.alice).get(TARGET))

    answers = [text_of(erin.get(erin.post("/targets/shop-prod/look/")["Location"])) for _ in range(2)]

    assert "Workers look at shop-prod now." in answers[0]
    assert "was looked at within the last minute" in answers[1]
