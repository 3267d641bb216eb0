"""One call of our client, and the failure that comes of it."""

from __future__ import annotations

import pytest

from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient, Method
from workers.provisioners.atlas.failures import AtlasFailure

USERS = ("groups", "5f0000000000000000000001", "databaseUsers")
V = "2023-01-01"
ALL = [Method.GET, Method.DELETE, Method.POST, Method.PATCH]
UNSAFE = [Method.POST, Method.PATCH]


def call(client: AtlasClient, method: Method = Method.GET, *rest: str, urgency: Urgency = Urgency.GRANT) -> object:
    body = {"password": "canary-of-the-user"} if method in UNSAFE else None
    return client.call(method, (*USERS, *rest), version=V, urgency=urgency, body=body)


def failure_of(client: AtlasClient, method: Method = Method.GET, urgency: Urgency = Urgency.GRANT) -> AtlasFailure:
    with pytest.raises(AtlasFailure) as caught:
        call(client, method, urgency=urgency)
    return caught.value
