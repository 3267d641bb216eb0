"""A code proves who somebody is once: their own, right, with the right password where one is asked, and after few tries."""

from __future__ import annotations

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.cache import cache

from accessrequests.domain.proofs import APP, RECOVERY_CODE, Proof
from accessrequests.models import Person
from accessrequests.operations import second_factors
from accessrequests.operations.refusals import Refused
from accessrequests.operations.second_factors import MOST_TRIES, NO_FACTOR
from tests import glass, make
from tests.make import Cast

PASSWORD = "correct horse battery staple"
NO_CODE = "no-code"


@pytest.fixture
def seed(cast: Cast) -> str:
    return glass.add_second_factor(cast.frank)


def prove(person: Person, code: str, password: str | None = None) -> Proof:
    return second_factors.prove(person=person, code=code, subject="target/shop-prod", password=password)


def refused(person: Person, code: str, password: str | None = None) -> str:
    with pytest.raises(Refused) as caught:
        prove(person, code, password)
    assert (caught.value.event, caught.value.subject) == ("breakglass.refused", "target/shop-prod")
    return str(caught.value)


def test_a_code_of_the_app_counts_once(cast: Cast, seed: str) -> None:
    code, before = glass.code_of(seed), make.now()

    proof = prove(cast.frank, f" {code} ")

    assert (proof.person_id, proof.way) == (cast.frank.pk, APP)
    assert before <= proof.at <= make.now()
    assert "each counts once" in refused(cast.frank, code)


def test_a_code_that_signed_them_in_is_spent_however_it_is_written(cast: Cast, seed: str) -> None:
    code = glass.code_of(seed, ahead=1)

    assert second_factors.spend(person=cast.frank, code=f"{code[:3]} {code[3:]}")

    assert not second_factors.spend(person=cast.frank, code=code)
    assert second_factors.spend(person=cast.alice, code=code), "It is another's by chance."
    assert "each counts once" in refused(cast.frank, code)


def test_a_recovery_code_counts_once(cast: Cast, seed: str) -> None:
    assert "not right" in refused(cast.frank, NO_CODE), "There are none yet."
    code = RecoveryCodes.activate(cast.frank).get_unused_codes()[0]

    assert prove(cast.frank, code).way == RECOVERY_CODE

    cache.clear()
    assert "each counts once" in refused(cast.frank, code), "It is used up, not only remembered."


def test_a_code_of_somebody_else_and_one_in_other_signs_are_wrong(cast: Cast, seed: str) -> None:
    code = glass.code_of(glass.add_second_factor(cast.alice))
    arabic = glass.code_of(seed).translate({ord(str(digit)): 0x660 + digit for digit in range(10)})

    for wrong in (code, arabic, ""):
        assert "not right" in refused(cast.frank, wrong)


def test_the_password_counts_too_where_it_is_asked_and_a_wrong_one_spends_no_code(cast: Cast, seed: str) -> None:
    cast.frank.set_password(PASSWORD)
    cast.frank.save()
    code = glass.code_of(seed)

    assert "The password or the code" in refused(cast.frank, code, "wrong")
    assert "The password or the code" in refused(cast.frank, NO_CODE, PASSWORD)

    assert prove(cast.frank, code, PASSWORD).way == APP


def test_after_too_many_wrong_ones_no_right_one_counts(cast: Cast, seed: str) -> None:
    for _ in range(MOST_TRIES):
        assert "not right" in refused(cast.frank, NO_CODE)

    assert "Wait five minutes" in refused(cast.frank, glass.code_of(seed))


def test_a_right_one_forgives_the_wrong_ones(cast: Cast, seed: str) -> None:
    for ahead in (0, 1):
        for _ in range(MOST_TRIES - 1):
            refused(cast.frank, NO_CODE)
        assert prove(cast.frank, glass.code_of(seed, ahead=ahead)).way == APP


def test_nobody_without_an_app_or_who_left_proves_anything(cast: Cast, seed: str) -> None:
    codes = RecoveryCodes.activate(cast.alice).get_unused_codes()
    assert refused(cast.alice, codes[0]) == NO_FACTOR

    make.apply("frank", active=False)

    assert refused(cast.frank, glass.code_of(seed)) == NO_FACTOR
