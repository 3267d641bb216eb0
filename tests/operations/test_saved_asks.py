"""Keeping one's own asks: under a name, within bounds, and nobody else's."""

from __future__ import annotations

import pytest

from accessrequests.models import SavedAsk
from accessrequests.operations import saved_asks
from accessrequests.operations.refusals import Refused
from accessrequests.queries.asks import Invalid
from tests import make
from tests.make import Cast
from tests.traces import leaves_nothing, refuses


def save(person: object, number: int, name: str = "Orders") -> SavedAsk:
    return saved_asks.save(access_request_id=number, person=person, name=name)  # type: ignore[arg-type]


def test_a_name_stands_for_the_newest(cast: Cast) -> None:
    first, second = make.submit(cast.alice), make.submit(cast.alice)

    save(cast.alice, first.pk)
    save(cast.alice, second.pk, " Orders ")

    kept = SavedAsk.objects.get()
    assert (kept.person, kept.name, kept.access_request) == (cast.alice, "Orders", second)


def test_keeps_only_ones_own_asks_for_access(cast: Cast) -> None:
    make.publish_rules(make.rule("longer", total_maximum="PT8H"))
    for_grace = make.submit(cast.alice, grantee="grace")
    emergency, extension = make.submit(cast.alice), make.submit(cast.alice)
    type(emergency).objects.filter(pk=emergency.pk).update(is_break_glass=True)
    grant = make.active_grant(cast.alice, cast.bob)
    type(extension).objects.filter(pk=extension.pk).update(extends=grant)

    with refuses(Refused, match="Only the person who asked"):
        save(cast.grace, for_grace.pk)
    for one in (emergency, extension):
        with refuses(Refused, match="Only a request for access"):
            save(cast.alice, one.pk)


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "Give it a name"), (" \u200b", "Give it a name"), ("a\u202eb", "direction of the text")]
)
def test_wants_a_name_that_can_be_read(cast: Cast, name: str, sentence: str) -> None:
    number = make.submit(cast.alice).pk
    with refuses(Invalid, match=sentence):
        save(cast.alice, number, name)


def test_keeps_so_many_and_no_more(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_asks, "MOST", 1)
    number = make.submit(cast.alice).pk
    save(cast.alice, number)
    save(cast.alice, number)
    with refuses(Invalid, match="You keep 1 templates already"):
        save(cast.alice, number, "Another")


def test_is_removed_by_its_owner_alone(cast: Cast) -> None:
    kept = save(cast.alice, make.submit(cast.alice).pk)

    with leaves_nothing(), pytest.raises(SavedAsk.DoesNotExist):
        saved_asks.forget(saved_id=kept.pk, person=cast.bob)
    saved_asks.forget(saved_id=kept.pk, person=cast.alice)
    assert not SavedAsk.objects.exists()
