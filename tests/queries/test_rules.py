"""Guards that rules are read once for as long as they say the same, and never taken for those of another document."""

from __future__ import annotations

from copy import deepcopy

import pytest

from accessrequests.domain.policy import InvalidPolicy
from accessrequests.models import PolicyVersion
from accessrequests.queries.rules import rules_of
from tests.make import Cast


def test_are_kept_by_what_they_say_and_not_by_their_number(cast: Cast) -> None:
    version = PolicyVersion.objects.latest("version")
    restored = deepcopy(version)
    restored.rules["rules"][0]["name"] = "of-another-database"

    assert rules_of(PolicyVersion.objects.get(pk=version.pk)) is rules_of(version)
    assert rules_of(restored).rules[0].name == "of-another-database"
    assert rules_of(version).rules[0].name != "of-another-database"


def test_that_nobody_can_read_are_refused_each_time(cast: Cast) -> None:
    version = PolicyVersion.objects.latest("version")
    version.rules = {**version.rules, "of_a_newer_product": True}

    for _ in range(2):
        with pytest.raises(InvalidPolicy):
            rules_of(version)
