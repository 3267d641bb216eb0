"""What a target told of how an access was used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accessrequests.domain.usage import Login, Used, with_logins
from accessrequests.models import Grant, Usage
from accessrequests.queries import usage as usage_queries


@transaction.atomic(durable=True)
def record_logins(*, grant_id: int, logins: Iterable[Login], since: datetime, until: datetime) -> None:
    """Count what happened from `since` to `until`, unless somebody has counted it meanwhile."""
    grant = Grant.objects.select_for_update(no_key=True).get(pk=grant_id)
    if since != usage_queries.read_from(grant, at=until):
        return
    usage = Usage.objects.filter(grant=grant).first() or Usage(grant=grant)
    used = with_logins(
        Used(
            first_login=usage.first_login,
            last_login=usage.last_login,
            logins=usage.logins,
            failures=usage.failures,
            tried_after_end=usage.tried_after_end,
            addresses=tuple(usage.addresses),
        ),
        (login for login in logins if since <= login.at < until),
        ended_at=grant.cut_at,
    )
    usage.first_login, usage.last_login = used.first_login, used.last_login
    usage.logins, usage.failures, usage.tried_after_end = used.logins, used.failures, used.tried_after_end
    usage.addresses, usage.read_until = list(used.addresses), until
    usage.is_final = usage_queries.is_last(grant, at=until)
    usage.save()
