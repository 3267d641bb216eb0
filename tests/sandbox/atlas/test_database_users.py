"""Database users of the stand-in: every rule that Atlas has for them, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.atlas.api import KEY, USER, Api, check_refused, segment

USERS = "/databaseUsers"
JDOE = f"{USERS}/admin/jdoe"
EXTERNAL: dict[str, Any] = {"databaseName": "$external", "password": None}
ARN = "arn:aws:iam::123456789012:user/reports"
ROLE_ARN = "arn:aws:iam::123456789012:role/reports"
IDP = "0123456789abcdef01234567"
NEVER = {"awsIAMType": "NONE", "ldapAuthType": "NONE", "oidcAuthType": "NONE", "x509Type": "NONE"}


class TestCreate:
    def test_shows_all_but_the_password(self, api: Api) -> None:
        made = api.add_user(
            labels=[{"key": "grant", "value": "7"}],
            scopes=[{"name": "orders", "type": "CLUSTER"}],
            description="Access Requests grant 7",
            deleteAfterDate=api.at(hours=2),
        )
        link = {"href": f"{api.server.origin}/api/atlas/v2/groups/{api.project.id}{JDOE}", "rel": "self"}
        assert made == {
            **NEVER,
            "databaseName": "admin",
            "deleteAfterDate": "2026-03-01T14:00:00Z",
            "description": "Access Requests grant 7",
            "groupId": api.project.id,
            "labels": [{"key": "grant", "value": "7"}],
            "links": [link],
            "roles": [{"databaseName": "shop", "roleName": "read"}],
            "scopes": [{"name": "orders", "type": "CLUSTER"}],
            "username": "jdoe",
        }
        assert api.get(JDOE) == made
        assert api.get(USERS)["results"] == [made]

    def test_shows_types_labels_and_scopes_always_and_nothing_else_that_is_not_set(self, api: Api) -> None:
        made = api.add_user()
        assert made.keys() == {*NEVER, "databaseName", "groupId", "labels", "links", "roles", "scopes", "username"}
        assert made.items() >= {**NEVER, "labels": [], "scopes": []}.items()

    def test_records_who_made_whom(self, api: Api) -> None:
        api.add_user()
        event = api.events()[-1]
        assert (
            event.items()
            >= {
                "eventTypeName": "MONGODB_USER_ADDED",
                "dbUserUsername": "jdoe",
                "publicKey": KEY,
                "apiKeyId": KEY.rpartition("_")[2],
                "remoteAddress": "127.0.0.1",
                "groupId": api.project.id,
                "created": "2026-03-01T12:00:00Z",
            }.items()
        )

    def test_refuses_a_second_one_of_the_name(self, api: Api) -> None:
        api.add_user()
        check_refused(api.post(USERS, USER), 409, "USER_ALREADY_EXISTS", "jdoe")
        assert api.event_names() == ["MONGODB_USER_ADDED"]

    def test_takes_one_name_on_each_database(self, api: Api) -> None:
        api.add_user(**EXTERNAL, username="CN=jdoe", x509Type="MANAGED")
        api.add_user(username="CN=jdoe")
        assert api.get(USERS)["totalCount"] == 2

    @pytest.mark.parametrize(
        ("said", "name"),
        [
            ({**EXTERNAL, "awsIAMType": "USER"}, ARN),
            ({**EXTERNAL, "awsIAMType": "ROLE"}, ROLE_ARN),
            ({**EXTERNAL, "x509Type": "MANAGED"}, "CN=reports"),
            ({**EXTERNAL, "x509Type": "MANAGED"}, "user389"),
            ({**EXTERNAL, "x509Type": "CUSTOMER"}, "CN=reports,OU=data,O=Example Shop,C=DE"),
            ({**EXTERNAL, "ldapAuthType": "USER"}, "cn=reports, ou=data,dc=example,dc=com"),
            ({"password": None, "ldapAuthType": "GROUP"}, "CN=analysts,OU=data,DC=example,DC=com"),
            ({"password": None, "oidcAuthType": "IDP_GROUP"}, f"{IDP}/analysts"),
            ({**EXTERNAL, "oidcAuthType": "USER"}, f"{IDP}/reports"),
            ({}, "a.user-with_letters@example.com/and%2Fmore"),
        ],
    )
    def test_takes_each_way_to_sign_in_under_names_that_have_to_be_encoded(
        self, api: Api, said: dict[str, Any], name: str
    ) -> None:
        made = api.add_user(**said, username=name)
        path = f"{USERS}/{segment(made['databaseName'])}/{segment(name)}"
        assert api.get(path)["username"] == name
        assert api.delete(path).status_code == 204
        check_refused(api.call("GET", path), 404, "USERNAME_NOT_FOUND", name)

    def test_encodes_a_name_in_its_link_and_leaves_the_dollar(self, api: Api) -> None:
        made = api.post(USERS, {**USER, **EXTERNAL, "username": ARN, "awsIAMType": "USER"}).json()
        assert made["links"][0]["href"].endswith("/databaseUsers/$external/arn:aws:iam::123456789012:user%2Freports")

    @pytest.mark.parametrize(
        ("said", "status", "code"),
        [
            ({"username": None}, 400, "MISSING_ATTRIBUTE"),
            ({"databaseName": None}, 400, "MISSING_ATTRIBUTE"),
            ({"roles": None}, 400, "MISSING_ATTRIBUTE"),
            ({"roles": []}, 400, "MISSING_ATTRIBUTE"),
            ({"password": None}, 400, "MISSING_ATTRIBUTE"),
            ({"password": "seven77"}, 400, "WEAK_PASSWORD"),
            ({"password": "Password"}, 400, "COMMON_PASSWORD"),
            ({"username": "two words"}, 400, "ATLAS_INVALID_USERNAME"),
            ({"username": "a" * 1025}, 400, "ATLAS_INVALID_USERNAME"),
            ({"username": "mms-automation"}, 400, "BLOCKED_USERNAME"),
            ({"username": 7}, 400, "INVALID_JSON_ATTRIBUTE"),
            ({"colour": "red"}, 400, "INVALID_ATTRIBUTE"),
            ({"groupId": "0" * 24}, 400, "GROUP_MISMATCH"),
            ({"databaseName": "$external"}, 400, "DATABASE_NAME_INVALID_ADMIN"),
            ({"databaseName": "shop"}, 400, "DATABASE_NAME_INVALID_ADMIN"),
            ({"awsIAMType": "GROUP"}, 400, "INVALID_ENUM_VALUE"),
            ({"password": None, "awsIAMType": "USER", "username": ARN}, 400, "DATABASE_NAME_INVALID_EXTERNAL"),
            ({**EXTERNAL, "awsIAMType": "USER", "username": ROLE_ARN}, 400, "ATLAS_INVALID_USERNAME"),
            ({**EXTERNAL, "awsIAMType": "USER", "ldapAuthType": "USER"}, 400, "ATLAS_INVALID_AUTH_SETTINGS"),
            ({**EXTERNAL, "x509Type": "MANAGED", "ldapAuthType": "USER"}, 400, "ATLAS_X509_USER_CANNOT_USE_LDAP"),
            ({**EXTERNAL, "x509Type": "MANAGED", "password": "x" * 32}, 400, "ATLAS_X509_USER_CANNOT_USE_SCRAM"),
            (
                {**EXTERNAL, "awsIAMType": "USER", "username": ARN, "password": "x" * 32},
                400,
                "ATLAS_INVALID_AUTH_SETTINGS",
            ),
            ({**EXTERNAL, "x509Type": "MANAGED", "username": "CN=a,O=b"}, 400, "ATLAS_MANAGED_X509_NAME_INVALID"),
            ({**EXTERNAL, "x509Type": "CUSTOMER", "username": "OU=a,O=b"}, 400, "ATLAS_INVALID_USERNAME"),
            ({**EXTERNAL, "x509Type": "CUSTOMER", "username": "jdoe"}, 400, "ATLAS_INVALID_LDAP_NAME"),
            ({**EXTERNAL, "ldapAuthType": "USER", "username": "CN=a<b"}, 400, "ATLAS_INVALID_DN_METACHARACTERS"),
            ({**EXTERNAL, "oidcAuthType": "USER", "username": "reports"}, 400, "ATLAS_INVALID_USERNAME"),
            ({"password": None, "oidcAuthType": "USER", "username": f"{IDP}/a"}, 400, "DATABASE_NAME_INVALID_EXTERNAL"),
            ({**EXTERNAL, "oidcAuthType": "IDP_GROUP", "username": f"{IDP}/a"}, 400, "DATABASE_NAME_INVALID_ADMIN"),
            ({"description": "x" * 101}, 400, "INVALID_ATTRIBUTE"),
            ({"labels": [{"key": "k", "value": "v" * 256}]}, 400, "INVALID_ATTRIBUTE"),
            ({"labels": [{"key": "k", "value": ""}]}, 400, "MISSING_ATTRIBUTE"),
            ({"labels": ["k"]}, 400, "INVALID_JSON_ATTRIBUTE"),
            ({"scopes": [{"name": "orders"}]}, 400, "MISSING_ATTRIBUTE"),
            ({"scopes": [{"name": "-orders", "type": "CLUSTER"}]}, 400, "INVALID_ATTRIBUTE"),
            ({"scopes": [{"name": "orders", "type": "SHARD"}]}, 400, "INVALID_ENUM_VALUE"),
        ],
    )
    def test_refuses_what_does_not_go_together(self, api: Api, said: dict[str, Any], status: int, code: str) -> None:
        check_refused(api.post(USERS, {**USER, **said}), status, code)
        assert api.get(USERS)["results"] == []
        assert api.events() == []

    def test_refuses_a_body_that_is_no_object(self, api: Api) -> None:
        check_refused(api.post(USERS, [USER]), 400, "INVALID_JSON")

    def test_takes_255_letters_of_a_label_and_100_of_a_description(self, api: Api) -> None:
        made = api.add_user(labels=[{"key": "k" * 255, "value": "v" * 255}], description="d" * 100)
        assert (len(made["labels"][0]["value"]), len(made["description"])) == (255, 100)

    def test_refuses_the_hundred_and_first(self, api: Api) -> None:
        api.project.limits["atlas.project.security.databaseAccess.users"] = 2
        api.add_user()
        api.add_user(username="second")
        check_refused(api.post(USERS, {**USER, "username": "third"}), 403, "GROUP_USERS_LIMIT_EXCEEDED", 2)


class TestRoles:
    def test_takes_each_form(self, api: Api) -> None:
        api.post("/customDBRoles/roles", {"roleName": "tidy", "inheritedRoles": [{"db": "shop", "role": "read"}]})
        roles = [
            {"databaseName": "admin", "roleName": "clusterMonitor"},
            {"databaseName": "admin", "roleName": "tidy"},
            {"databaseName": "shop", "roleName": "dbAdmin"},
            {"collectionName": "orders", "databaseName": "shop", "roleName": "readWrite"},
            {"collectionName": "customers", "databaseName": "shop", "roleName": "readWrite"},
        ]
        assert api.add_user(roles=roles)["roles"] == roles

    @pytest.mark.parametrize(
        ("role", "code"),
        [
            ({"roleName": "read"}, "MISSING_ATTRIBUTE"),
            ({"roleName": "read", "databaseName": "shop", "collection": "orders"}, "INVALID_ATTRIBUTE"),
            ({"roleName": "atlasAdmin", "databaseName": "shop"}, "ATLAS_INVALID_ROLE_DATABASE"),
            ({"roleName": "backup", "databaseName": "shop"}, "ATLAS_INVALID_ROLE_DATABASE"),
            ({"roleName": "root", "databaseName": "admin"}, "ATLAS_INVALID_ROLE"),
            ({"roleName": "unknown", "databaseName": "admin"}, "ATLAS_INVALID_ROLE"),
            ({"roleName": "tidy", "databaseName": "shop"}, "UNSUPPORTED_ROLE"),
            ({"roleName": "read", "databaseName": "a b"}, "INVALID_DATABASE_NAME"),
            ({"roleName": "readWrite", "databaseName": "config"}, "ATLAS_RESTRICTED_ROLE"),
            (
                {"roleName": "dbAdmin", "databaseName": "shop", "collectionName": "orders"},
                "ATLAS_RESTRICTED_COLLECTION",
            ),
            ({"roleName": "tidy", "databaseName": "admin", "collectionName": "orders"}, "ATLAS_RESTRICTED_COLLECTION"),
            (
                {"roleName": "read", "databaseName": "shop", "collectionName": "system.users"},
                "ATLAS_RESTRICTED_COLLECTION",
            ),
            ({"roleName": "read", "databaseName": "shop", "collectionName": ""}, "INVALID_COLLECTION_NAME"),
            ({"roleName": "read", "databaseName": "shop", "collectionName": "a$b"}, "INVALID_COLLECTION_NAME"),
        ],
    )
    def test_refuses_what_cannot_be_given(self, api: Api, role: dict[str, str], code: str) -> None:
        api.post("/customDBRoles/roles", {"roleName": "tidy", "inheritedRoles": [{"db": "shop", "role": "read"}]})
        check_refused(api.post(USERS, {**USER, "roles": [role]}), 400, code)

    def test_refuses_the_same_twice(self, api: Api) -> None:
        roles = [{"roleName": "read", "databaseName": "shop"}] * 2
        check_refused(api.post(USERS, {**USER, "roles": roles}), 400, "DUPLICATE_DATABASE_ROLES", "jdoe", "read@shop")

    def test_refuses_more_than_twenty_custom_roles(self, api: Api) -> None:
        names = [f"role{number}" for number in range(21)]
        for name in names:
            api.post("/customDBRoles/roles", {"roleName": name, "inheritedRoles": [{"db": "shop", "role": "read"}]})
        roles = [{"roleName": name, "databaseName": "admin"} for name in names]
        check_refused(api.post(USERS, {**USER, "roles": roles}), 400, "ATLAS_GENERAL_ERROR")
        assert len(api.add_user(roles=roles[:20])["roles"]) == 20


class TestDates:
    def test_cuts_off_parts_of_a_second_and_takes_any_zone(self, api: Api) -> None:
        assert (
            api.add_user(deleteAfterDate="2026-03-01T15:30:41.987+02:00")["deleteAfterDate"] == "2026-03-01T13:30:41Z"
        )

    def test_refuses_seven_days_by_its_own_clock_and_takes_a_little_less(self, api: Api) -> None:
        answer = api.post(USERS, {**USER, "deleteAfterDate": api.at(days=7)})
        check_refused(answer, 400, "EXPIRATION_DATE_EXCEEDS_MAX", 7)
        assert answer.json()["detail"] == "The specified expiration date can be at most 7 days in the future."
        assert api.add_user(deleteAfterDate=api.at(days=7, seconds=-1))["deleteAfterDate"] == "2026-03-08T11:59:59Z"

    @pytest.mark.parametrize(
        ("date", "code"),
        [
            ("2026-03-01T11:59:59Z", "EXPIRATION_DATE_IN_PAST"),
            ("tomorrow", "INVALID_DATE_FORMAT"),
            ("0001-01-01T00:00:00+14:00", "INVALID_DATE_FORMAT"),
            (1772366400, "INVALID_JSON_ATTRIBUTE"),
        ],
    )
    def test_refuses_the_past_and_what_is_no_date(self, api: Api, date: Any, code: str) -> None:
        check_refused(api.post(USERS, {**USER, "deleteAfterDate": date}), 400, code)

    @pytest.mark.parametrize(("kind", "name"), [("MANAGED", "CN=a"), ("CUSTOMER", "CN=a,O=b")])
    def test_refuses_a_date_for_certificates(self, api: Api, kind: str, name: str) -> None:
        body = {**USER, **EXTERNAL, "x509Type": kind, "username": name}
        dated = {**body, "deleteAfterDate": api.at(hours=1)}
        check_refused(api.post(USERS, dated), 400, "ATLAS_X509_USER_CANNOT_BE_TEMPORARY")
        assert api.post(USERS, body).status_code == 201
        path = f"{USERS}/$external/{segment(name)}"
        change = api.patch(path, {"deleteAfterDate": api.at(hours=1)})
        check_refused(change, 400, "ATLAS_X509_USER_CANNOT_BE_TEMPORARY")

    def test_moves_a_date_both_ways_while_the_user_lives(self, api: Api) -> None:
        api.add_user(deleteAfterDate=api.at(hours=2))
        for hours, date in ((5, "2026-03-01T17:00:00Z"), (1, "2026-03-01T13:00:00Z")):
            assert api.patch(JDOE, {"deleteAfterDate": api.at(hours=hours)}).json()["deleteAfterDate"] == date
        check_refused(api.patch(JDOE, {"deleteAfterDate": api.at(days=7)}), 400, "EXPIRATION_DATE_EXCEEDS_MAX", 7)

    def test_does_not_make_a_permanent_user_temporary(self, api: Api) -> None:
        api.add_user()
        change = api.patch(JDOE, {"deleteAfterDate": api.at(hours=2)})
        check_refused(change, 400, "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY")
        assert "deleteAfterDate" not in api.get(JDOE)

    def test_changes_nothing_of_a_user_that_has_expired_and_is_still_there(self, api: Api) -> None:
        api.add_user(deleteAfterDate=api.at(hours=2))
        api.later(hours=3)
        check_refused(api.patch(JDOE, {"deleteAfterDate": api.at(hours=2)}), 400, "ALREADY_EXPIRED")
        check_refused(api.patch(JDOE, {"description": "late"}), 400, "ALREADY_EXPIRED")
        check_refused(api.post(USERS, USER), 409, "USER_ALREADY_EXISTS")
        assert api.get(JDOE)["deleteAfterDate"] == "2026-03-01T14:00:00Z"


class TestChange:
    def test_merges(self, api: Api) -> None:
        """A body with only a password, and roles as null, has kept roles, scopes and date at Atlas."""
        made = api.add_user(
            scopes=[{"name": "orders", "type": "CLUSTER"}],
            labels=[{"key": "k", "value": "v"}],
            description="mine",
            deleteAfterDate=api.at(hours=2),
        )
        assert api.patch(JDOE, {"password": "another password", "roles": None}).json() == made
        assert api.project.passwords["admin", "jdoe"] == "another password"
        assert api.event_names() == ["MONGODB_USER_ADDED", "MONGODB_USER_UPDATED"]

    def test_replaces_lists_whole(self, api: Api) -> None:
        api.add_user(labels=[{"key": "k", "value": "v"}], scopes=[{"name": "orders", "type": "CLUSTER"}])
        roles = [{"databaseName": "shop", "roleName": "readWrite"}]
        changes = {
            "roles": roles,
            "labels": [{"key": "n", "value": "w"}],
            "scopes": [{"name": "other", "type": "CLUSTER"}],
        }
        changed = api.patch(JDOE, changes).json()
        assert {name: changed[name] for name in changes} == changes

    def test_no_scopes_is_every_cluster(self, api: Api) -> None:
        api.add_user(scopes=[{"name": "orders", "type": "CLUSTER"}])
        assert api.patch(JDOE, {"scopes": []}).json()["scopes"] == []
        assert api.get(JDOE)["scopes"] == []

    def test_an_empty_description_is_none(self, api: Api) -> None:
        api.add_user(description="mine")
        assert "description" not in api.patch(JDOE, {"description": ""}).json()

    @pytest.mark.parametrize(
        ("said", "status", "code"),
        [
            ({"username": "other"}, 409, "DATABASE_USERNAME_CANNOT_BE_CHANGED"),
            ({"databaseName": "$external"}, 409, "DATABASE_NAME_CANNOT_BE_CHANGED"),
            ({"x509Type": "MANAGED"}, 409, "AUTH_TYPE_CANNOT_BE_CHANGED"),
            ({"groupId": "0" * 24}, 400, "GROUP_MISMATCH"),
            ({"roles": []}, 400, "MISSING_ATTRIBUTE"),
            ({"roles": [{"roleName": "unknown", "databaseName": "admin"}]}, 400, "ATLAS_INVALID_ROLE"),
            ({"password": "short"}, 400, "WEAK_PASSWORD"),
            ({"colour": "red"}, 400, "INVALID_ATTRIBUTE"),
        ],
    )
    def test_refuses_what_cannot_change(self, api: Api, said: dict[str, Any], status: int, code: str) -> None:
        made = api.add_user(description="mine")
        check_refused(api.patch(JDOE, {"description": "not mine", **said}), status, code)
        assert api.get(JDOE) == made

    def test_takes_back_what_it_showed(self, api: Api) -> None:
        made = api.add_user(scopes=[{"name": "orders", "type": "CLUSTER"}])
        assert api.patch(JDOE, made).json() == made

    def test_an_unknown_user_is_not_found(self, api: Api) -> None:
        check_refused(api.patch(JDOE, {"description": "x"}), 404, "USERNAME_NOT_FOUND", "jdoe")


class TestDelete:
    def test_takes_the_user_and_its_password(self, api: Api) -> None:
        api.add_user()
        answer = api.delete(JDOE)
        assert (answer.status_code, answer.content) == (204, b"")
        assert api.project.passwords == {}
        assert api.events()[-1].items() >= {"eventTypeName": "MONGODB_USER_DELETED", "dbUserUsername": "jdoe"}.items()

    @pytest.mark.parametrize(
        ("code", "parameters"),
        [
            ("USER_NOT_FOUND", ("jdoe",)),
            ("USERNAME_NOT_FOUND", ("jdoe",)),
            ("USER_NOT_IN_GROUP", None),
            ("RESOURCE_NOT_FOUND", ("jdoe",)),
        ],
    )
    def test_says_with_the_code_that_is_set_that_nobody_is_there(
        self, api: Api, code: str, parameters: tuple[str, ...] | None
    ) -> None:
        api.organisation.settings.change({"delete_missing_user": code})
        check_refused(api.delete(JDOE), 404, code, *(parameters or ("jdoe", api.project.id)))
        check_refused(api.call("GET", JDOE), 404, "USERNAME_NOT_FOUND", "jdoe")

    def test_knows_two_databases(self, api: Api) -> None:
        check_refused(api.delete(f"{USERS}/shop/jdoe"), 400, "INVALID_PATH_PARAMETER", "databaseName")


class TestClusters:
    """What has to reach the clusters, and what does not."""

    @pytest.mark.parametrize(
        "change", [{"password": "another password"}, {"scopes": [{"name": "a", "type": "CLUSTER"}]}]
    )
    def test_a_change_of_what_they_know_makes_them_pending(self, api: Api, change: dict[str, Any]) -> None:
        api.add_user()
        api.settle()
        assert api.get("/clusters/orders/status")["changeStatus"] == "APPLIED"
        api.patch(JDOE, change)
        assert api.get("/clusters/orders/status")["changeStatus"] == "PENDING"

    def test_a_new_date_or_description_does_not(self, api: Api) -> None:
        api.add_user(deleteAfterDate=api.at(hours=2))
        api.settle()
        api.patch(JDOE, {"deleteAfterDate": api.at(hours=3), "description": "longer", "roles": USER["roles"]})
        assert api.get("/clusters/orders/status")["changeStatus"] == "APPLIED"


def test_a_call_that_failed_after_its_commit_finds_itself(api: Api) -> None:
    api.server.faults.order({"fault": "error_after_commit", "method": "POST", "path": "databaseUsers"})
    check_refused(api.post(USERS, USER), 500, "UNEXPECTED_ERROR")
    check_refused(api.post(USERS, USER), 409, "USER_ALREADY_EXISTS", "jdoe")
    assert api.get(JDOE)["username"] == "jdoe"
