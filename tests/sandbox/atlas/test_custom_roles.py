"""Custom roles of the stand-in: every rule that Atlas has for them, over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sandbox.atlas.api import Api, Json, check_refused

ROLES = "/customDBRoles/roles"
FIND: Json = {"action": "FIND", "resources": [{"collection": "orders", "db": "shop"}]}
READ = [{"db": "shop", "role": "read"}]


def add(api: Api, name: str, **said: Any) -> Json:
    answer = api.post(ROLES, {"roleName": name, **(said or {"inheritedRoles": READ})})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


class TestCreate:
    def test_answers_202_with_other_order_and_without_keys_that_say_nothing(self, api: Api) -> None:
        shop, orders = {"db": "shop"}, FIND["resources"][0]
        actions = [
            {"action": "FIND", "resources": [shop, orders]},
            {"action": "INSERT", "resources": [orders]},
            {"action": "LIST_SESSIONS", "resources": [{"cluster": True}]},
        ]
        made = add(api, "tidy", actions=actions, inheritedRoles=READ)
        assert made == {
            "actions": [
                {"action": "LIST_SESSIONS", "resources": [{"cluster": True}]},
                {"action": "INSERT", "resources": [{"collection": "orders", "db": "shop"}]},
                {"action": "FIND", "resources": [{"collection": "orders", "db": "shop"}, {"db": "shop"}]},
            ],
            "inheritedRoles": READ,
            "roleName": "tidy",
        }
        assert api.get(f"{ROLES}/tidy") == made
        assert api.get(ROLES) == [made]
        assert api.event_names() == ["MONGODB_ROLE_ADDED"]

    def test_makes_the_clusters_pending(self, api: Api) -> None:
        api.settle()
        add(api, "tidy")
        assert api.get("/clusters/orders/status")["changeStatus"] == "PENDING"

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("readWrite", "ATLAS_INVALID_CUSTOM_ROLE_RESTRICTED"),
            ("root", "ATLAS_INVALID_CUSTOM_ROLE_RESTRICTED"),
            ("xgen-tidy", "ATLAS_RESERVED_CUSTOM_ROLE_RESTRICTED"),
            ("-tidy", "ATLAS_CUSTOM_ROLE_INVALID_NAME"),
            ("ti dy", "ATLAS_CUSTOM_ROLE_INVALID_NAME"),
            ("tidý", "ATLAS_CUSTOM_ROLE_INVALID_NAME"),
        ],
    )
    def test_refuses_names_that_are_not_free(self, api: Api, name: str, code: str) -> None:
        check_refused(api.post(ROLES, {"roleName": name, "inheritedRoles": READ}), 400, code)

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({}, "ATLAS_CUSTOM_ROLE_HAS_NO_PERMISSIONS"),
            ({"actions": []}, "ATLAS_CUSTOM_ROLE_HAS_NO_PERMISSIONS"),
            ({"colour": "red"}, "INVALID_ATTRIBUTE"),
            ({"actions": "FIND"}, "INVALID_JSON_ATTRIBUTE"),
            ({"actions": [{"action": "DANCE", "resources": [{"db": "shop"}]}]}, "INVALID_ENUM_VALUE"),
            ({"actions": [FIND, FIND]}, "ATLAS_DUPLICATE_CUSTOM_ROLE_ACTION"),
            ({"actions": [{**FIND, "resources": FIND["resources"] * 2}]}, "ATLAS_DUPLICATE_CUSTOM_ROLE_RESOURCE"),
            ({"actions": [{"action": "FIND", "resources": []}]}, "ATLAS_INVALID_RESOURCE"),
            ({"actions": [{"action": "FIND", "resources": [{"cluster": True}]}]}, "ATLAS_INVALID_RESOURCE"),
            ({"actions": [{"action": "FIND", "resources": [{"collection": "orders"}]}]}, "ATLAS_INVALID_RESOURCE"),
            ({"actions": [{"action": "KILL_OP", "resources": [{"db": "shop"}]}]}, "ATLAS_INVALID_RESOURCE"),
            ({"actions": [{**FIND, "action": "DROP_DATABASE"}]}, "ATLAS_INVALID_RESOURCE"),
            ({"actions": [{"action": "FIND", "resources": [{"cluster": "yes"}]}]}, "INVALID_JSON_ATTRIBUTE"),
            ({"actions": [{"action": "FIND", "resources": [{"db": "a b"}]}]}, "INVALID_DATABASE_NAME"),
            (
                {"actions": [{"action": "FIND", "resources": [{"db": "shop", "collection": "a$"}]}]},
                "INVALID_COLLECTION_NAME",
            ),
            ({"inheritedRoles": [{"db": "admin", "role": "tidy"}]}, "ATLAS_INVALID_CUSTOM_ROLE_SELF_REFERENTIAL"),
            ({"inheritedRoles": [{"db": "admin", "role": "unknown"}]}, "ATLAS_INVALID_CUSTOM_ROLE_INHERITANCE"),
            ({"inheritedRoles": [{"db": "shop", "role": "backup"}]}, "ATLAS_INVALID_CUSTOM_ROLE_INHERITED_SCOPE"),
        ],
    )
    def test_refuses_what_makes_no_role(self, api: Api, said: Json, code: str) -> None:
        check_refused(api.post(ROLES, {"roleName": "tidy", **said}), 400, code)
        assert api.get(ROLES) == []
        assert api.events() == []

    def test_takes_every_database(self, api: Api) -> None:
        made = add(api, "tidy", actions=[{"action": "FIND", "resources": [{"db": ""}]}])
        assert made["actions"][0]["resources"] == [{"db": ""}]

    def test_takes_cluster_whatever_else_the_resource_says(self, api: Api) -> None:
        resource = {"cluster": True, "collection": "orders", "db": "shop"}
        made = add(api, "tidy", actions=[{"action": "KILL_OP", "resources": [resource]}])
        assert made["actions"][0]["resources"][0]["cluster"] is True
        assert api.project.custom_roles["tidy"]["actions"][0]["resources"][0].get("db", "") == ""

    def test_keeps_keys_that_say_nothing_for_whoever_sent_them(self, api: Api) -> None:
        resource = {"cluster": False, "collection": "", "db": "shop"}
        made = add(api, "tidy", actions=[{"action": "FIND", "resources": [resource]}])
        assert made["actions"][0]["resources"] == [resource]

    def test_refuses_a_second_one_of_the_name(self, api: Api) -> None:
        add(api, "tidy")
        again = api.post(ROLES, {"roleName": "tidy", "inheritedRoles": READ})
        check_refused(again, 409, "ATLAS_CUSTOM_ROLE_NAME_ALREADY_EXISTS", "tidy")

    def test_refuses_the_hundred_and_first(self, api: Api) -> None:
        for number in range(100):
            add(api, f"role{number}")
        refused = api.post(ROLES, {"roleName": "tidy", "inheritedRoles": READ})
        check_refused(refused, 403, "CUSTOM_ROLES_LIMIT_EXCEEDED")


class TestChange:
    def test_replaces_what_the_body_has_and_keeps_the_rest(self, api: Api) -> None:
        add(api, "tidy", actions=[FIND], inheritedRoles=READ)
        insert = {"action": "INSERT", "resources": [{"collection": "orders", "db": "shop"}]}
        changed = api.patch(f"{ROLES}/tidy", {"actions": [insert], "inheritedRoles": None})
        assert changed.status_code == 200
        assert changed.json() == {"actions": [insert], "inheritedRoles": READ, "roleName": "tidy"}
        assert api.event_names() == ["MONGODB_ROLE_ADDED", "MONGODB_ROLE_UPDATED"]

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({"inheritedRoles": []}, "ATLAS_CUSTOM_ROLE_HAS_NO_PERMISSIONS"),
            ({"roleName": "other"}, "ATTRIBUTE_READ_ONLY"),
            ({"inheritedRoles": [{"db": "admin", "role": "child"}]}, "ATLAS_INVALID_CUSTOM_ROLE_CIRCULAR_DEPENDENCY"),
        ],
    )
    def test_refuses_to_empty_rename_or_close_a_circle(self, api: Api, said: Json, code: str) -> None:
        made = add(api, "tidy")
        add(api, "parent", inheritedRoles=[{"db": "admin", "role": "tidy"}])
        add(api, "child", inheritedRoles=[{"db": "admin", "role": "parent"}])
        check_refused(api.patch(f"{ROLES}/tidy", said), 400, code)
        assert api.get(f"{ROLES}/tidy") == made

    def test_an_unknown_role_is_not_found(self, api: Api) -> None:
        for answer in (
            api.call("GET", f"{ROLES}/tidy"),
            api.patch(f"{ROLES}/tidy", {"actions": [FIND]}),
            api.delete(f"{ROLES}/tidy"),
        ):
            check_refused(answer, 404, "ATLAS_CUSTOM_ROLE_NOT_FOUND", "tidy")


class TestDelete:
    def test_takes_the_role(self, api: Api) -> None:
        add(api, "tidy")
        assert api.delete(f"{ROLES}/tidy").status_code == 204
        assert api.get(ROLES) == []
        assert api.event_names()[-1] == "MONGODB_ROLE_DELETED"

    def test_refuses_to_leave_a_user_without_a_role(self, api: Api) -> None:
        add(api, "tidy")
        api.add_user(roles=[{"roleName": "tidy", "databaseName": "admin"}])
        check_refused(api.delete(f"{ROLES}/tidy"), 409, "ATLAS_CUSTOM_ROLE_IN_USE_BY_USERS", "jdoe")
        assert api.delete("/databaseUsers/admin/jdoe").status_code == 204
        assert api.delete(f"{ROLES}/tidy").status_code == 204

    def test_refuses_to_leave_a_role_with_nothing(self, api: Api) -> None:
        add(api, "tidy")
        add(api, "heir", inheritedRoles=[{"db": "admin", "role": "tidy"}])
        check_refused(api.delete(f"{ROLES}/tidy"), 409, "ATLAS_CUSTOM_ROLE_IN_USE_BY_ROLES", "heir")

    def test_takes_it_from_users_and_roles_that_have_more(self, api: Api) -> None:
        add(api, "tidy")
        add(api, "heir", actions=[FIND], inheritedRoles=[{"db": "admin", "role": "tidy"}])
        read = {"roleName": "read", "databaseName": "shop"}
        api.add_user(roles=[{"roleName": "tidy", "databaseName": "admin"}, read])
        assert api.delete(f"{ROLES}/tidy").status_code == 204
        assert api.get("/databaseUsers/admin/jdoe")["roles"] == [read]
        assert api.get(f"{ROLES}/heir")["inheritedRoles"] == []


def test_writes_that_overlap_fail_where_that_is_set(api: Api) -> None:
    api.organisation.settings.change({"overlap_fails": True, "access_list_write_seconds": 0.5})
    bodies = [{"roleName": f"role{number}", "inheritedRoles": READ} for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = sorted(pool.map(lambda body: api.post(ROLES, body), bodies), key=lambda each: each.status_code)
    assert answers[0].status_code == 202
    for refused in answers[1:]:
        check_refused(refused, 409, "AUTOMATION_CONFIG_CONCURRENT_MODIFICATION")
    assert len(api.get(ROLES)) == 1
