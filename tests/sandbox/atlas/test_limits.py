"""The stand-in says how many there can be, and how many there are."""

from __future__ import annotations

from tests.sandbox.atlas.api import Api, check_refused

USERS = "atlas.project.security.databaseAccess.users"
ROLES = "atlas.project.security.databaseAccess.customRoles"
ENTRIES = "atlas.project.security.networkAccess.entries"


class TestLimits:
    def test_are_a_bare_array_with_what_is_used(self, api: Api) -> None:
        api.add_user()
        api.post("/customDBRoles/roles", {"roleName": "tidy", "inheritedRoles": [{"db": "shop", "role": "read"}]})
        api.post("/accessList", [{"ipAddress": "10.0.0.7"}, {"ipAddress": "10.0.0.8"}])
        limits = {
            each["name"]: (each["currentUsage"], each["value"], each["maximumLimit"]) for each in api.get("/limits")
        }
        assert limits.items() >= {USERS: (1, 100, 100), ROLES: (1, 100, 1400), ENTRIES: (2, 200, 200)}.items()

    def test_of_a_project_can_be_its_own(self, api: Api) -> None:
        api.project.limits[USERS] = 900
        assert api.get(f"/limits/{USERS}") == {
            "currentUsage": 0,
            "defaultLimit": 100,
            "maximumLimit": 900,
            "name": USERS,
            "value": 900,
        }

    def test_can_be_set_for_all_projects(self, api: Api) -> None:
        api.organisation.settings.change({"user_limit": 1})
        api.add_user()
        assert api.get(f"/limits/{USERS}")["value"] == 1
        second = {"databaseName": "admin", "username": "second", "password": "x" * 32}
        refused = api.post("/databaseUsers", {**second, "roles": [{"roleName": "read", "databaseName": "shop"}]})
        check_refused(refused, 403, "GROUP_USERS_LIMIT_EXCEEDED", 1)

    def test_that_do_not_exist_are_not_found(self, api: Api) -> None:
        check_refused(api.call("GET", "/limits/of.patience"), 404, "RESOURCE_NOT_FOUND", "of.patience")
