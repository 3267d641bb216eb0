"""Guards that what a grant's calls are for is known of it: break-glass goes before ordinary access when calls are few."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workers.provisioners.atlas.budget import Urgency, giving
from workers.provisioners.base import GrantSpec


@pytest.mark.parametrize(("is_break_glass", "urgency"), [(True, Urgency.BREAK_GLASS), (False, Urgency.GRANT)])
def test_break_glass_goes_first(is_break_glass: bool, urgency: Urgency) -> None:
    spec = GrantSpec(
        grant_id=1,
        kind="database_user",
        username="jit-1",
        clusters=(),
        roles=(),
        source_addresses=(),
        authentication="scram",
        expires_at=datetime(2026, 3, 2, tzinfo=UTC),
        is_break_glass=is_break_glass,
    )

    assert giving(spec) is urgency
