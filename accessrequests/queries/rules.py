"""The rules of a policy version, read once however often they are asked for."""

from __future__ import annotations

import json
from functools import lru_cache

from accessrequests.domain import policy
from accessrequests.domain.policy import Rules
from accessrequests.models import PolicyDraft, PolicyVersion


def rules_of(version: PolicyVersion | PolicyDraft) -> Rules:
    """Its rules. Every decision reads them, twice, and they change a few times a year: the latest read are kept.

    They are kept by what they say, not by their number: another database has other rules under the same one.
    :raises InvalidPolicy: when a newer product wrote what this one cannot read.
    """
    return _read(json.dumps(version.rules))


@lru_cache(maxsize=16)
def _read(values: str) -> Rules:
    return policy.parse(json.loads(values))
