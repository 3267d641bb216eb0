"""Custom roles of a MongoDB Atlas project: which accesses need one made for them, and Atlas's rules for all of them.

Rules: Administration API v2, "Custom Database Roles"; the page "Atlas Limits".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from accessrequests.domain.privileges import RoleRef, is_role

# The page "Atlas Limits" says 100 now and said 20 for long; this many always go.
MOST_OF_ONE_USER = 20
# Those that we make for accesses begin so. Nobody edits one by hand through us.
OURS = "access-"
# The roles that take a collectionName (schema DatabaseUserRole); mongod narrows no other one by itself.
TAKE_A_COLLECTION = frozenset({"read", "readWrite"})


def is_made_for_an_access(role: RoleRef) -> bool:
    """Whether Atlas has no role that it could give as it is."""
    return bool(role.actions) or bool(role.collection and role.role not in TAKE_A_COLLECTION)


def contents(privileges: Mapping[str, Iterable[Mapping[str, Any]]]) -> frozenset[str]:
    """What each role holds that has to be made for these, as a request keeps them; the same text for the same content."""
    return frozenset(
        json.dumps(list(held), sort_keys=True)
        for name, held in privileges.items()
        if is_role(name) and is_made_for_an_access(RoleRef.parse(name))
    )
