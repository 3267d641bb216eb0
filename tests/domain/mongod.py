"""What a real server says of its built-in roles, and made-up privileges to try the algebra on.

`mongod_roles.json` is what rolesInfo of mongod 6.0.5 answers, written in the domain's words.
"""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

from accessrequests.domain.privileges import Privilege, Resource

BUILT_IN = {
    name: tuple(Privilege(Resource(*entry["resource"]), frozenset(entry["actions"])) for entry in entries)
    for name, entries in json.loads(Path(__file__).with_name("mongod_roles.json").read_text()).items()
}
SHOP = Resource("shop")
ORDERS = Resource("shop", "orders")

DATABASES = st.sampled_from(["", "shop", "crm", "admin", "local", "config", "__mdb_internal_x"])
COLLECTIONS = st.sampled_from(
    ["", "orders", "customers", "system.js", "system.profile", "system.users", "system.buckets.t"]
)
RESOURCES = st.builds(Resource, DATABASES, COLLECTIONS) | st.just(Resource(cluster=True))
ACTIONS = st.sampled_from(["find", "insert", "collMod", "createUser", "anyAction", "somethingNew", "dropDatabase"])
PRIVILEGES = st.builds(Privilege, RESOURCES, st.frozensets(ACTIONS, max_size=4))
HELD = st.lists(PRIVILEGES, max_size=5)


def can(resource: Resource, *actions: str) -> Privilege:
    return Privilege(resource, frozenset(actions))
