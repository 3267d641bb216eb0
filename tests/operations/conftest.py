"""A grant that waits to be provisioned, and one that is active."""

from __future__ import annotations

import pytest

from accessrequests.models import Grant
from tests import make
from tests.make import Cast


@pytest.fixture
def grant(cast: Cast) -> Grant:
    return make.approved_grant(cast.alice, cast.bob)


@pytest.fixture
def active(cast: Cast) -> Grant:
    return make.active_grant(cast.alice, cast.bob)
