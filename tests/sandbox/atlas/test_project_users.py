"""Members of a project of the stand-in: roles, invitations, and the last of everything."""

from __future__ import annotations

import pytest

from sandbox.atlas.people import NotInvited, answer_invitation
from tests.sandbox.atlas.api import Api, Json, check_refused

USERS = "/users"
READER = "GROUP_READ_ONLY"
OWNER = "GROUP_OWNER"


def add(api: Api, username: str, *roles: str) -> Json:
    answer = api.post(USERS, {"username": username, "roles": list(roles) or [READER]})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


class TestAdd:
    def test_gives_an_active_person_the_role_at_once(self, api: Api) -> None:
        made = add(api, "amir@example.com", READER, "GROUP_DATA_ACCESS_READ_ONLY")
        assert (
            made.items()
            >= {
                "id": api.person("amir@example.com"),
                "orgMembershipStatus": "ACTIVE",
                "roles": [READER, "GROUP_DATA_ACCESS_READ_ONLY"],
                "username": "amir@example.com",
                "firstName": "Amir",
            }.items()
        )
        assert api.get(f"{USERS}/{made['id']}") == made
        event = api.events()[-1]
        assert (event["eventTypeName"], event["targetUsername"]) == ("JOINED_GROUP", "amir@example.com")

    def test_invites_anybody_else_for_thirty_days(self, api: Api) -> None:
        made = add(api, "new@example.com")
        assert (
            made.items()
            >= {
                "orgMembershipStatus": "PENDING",
                "roles": [READER],
                "invitationCreatedAt": "2026-03-01T12:00:00Z",
                "invitationExpiresAt": "2026-03-31T12:00:00Z",
            }.items()
        )
        assert "firstName" not in made
        assert api.event_names() == ["INVITED_TO_GROUP"]

    @pytest.mark.parametrize("username", ["olga@example.com", "new@example.com"])
    def test_refuses_who_is_in_the_project_or_invited(self, api: Api, username: str) -> None:
        add(api, "new@example.com")
        again = api.post(USERS, {"username": username, "roles": [READER]})
        check_refused(again, 409, "USER_ALREADY_EXISTS", username)

    def test_replaces_an_invitation_that_nobody_answered(self, api: Api) -> None:
        first = add(api, "new@example.com")
        api.later(days=30)
        second = add(api, "new@example.com", "GROUP_CLUSTER_MANAGER")
        assert second["id"] != first["id"]
        assert second["orgMembershipStatus"] == "PENDING"
        assert [each["id"] for each in api.get(USERS, username="new@example.com")["results"]] == [second["id"]]

    def test_replaces_one_that_was_declined(self, api: Api) -> None:
        add(api, "new@example.com")
        answer_invitation(api.organisation, "new@example.com", accepts=False)
        assert api.get(USERS, username="new@example.com")["results"] == []
        declined = api.get(USERS, orgMembershipStatuses="INVITATION_REJECTED")["results"]
        assert [each["username"] for each in declined] == ["new@example.com"]
        assert add(api, "new@example.com")["orgMembershipStatus"] == "PENDING"

    def test_refuses_the_five_hundred_and_first(self, api: Api) -> None:
        api.project.members.update({str(number): [READER] for number in range(499)})
        refused = api.post(USERS, {"username": "amir@example.com", "roles": [READER]})
        check_refused(refused, 400, "MAX_USERS_PER_GROUP_EXCEEDED", 500, "shop")

    def test_adds_to_an_invitation_of_another_project(self, api: Api) -> None:
        other = api.organisation.named("other")
        body = {"username": "new@example.com", "roles": [READER]}
        first = api.post(f"/groups/{other.id}/users", body).json()
        assert add(api, "new@example.com")["id"] == first["id"]

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({"roles": []}, "MISSING_ATTRIBUTE"),
            ({"roles": READER}, "INVALID_JSON_ATTRIBUTE"),
            ({"roles": ["ORG_OWNER"]}, "CANNOT_ADD_ORG_ROLE"),
            ({"roles": ["GROUP_KING"]}, "INVALID_ROLE_FOR_GROUP"),
            ({"username": "nobody"}, "INVALID_USERNAME"),
            ({"username": None}, "MISSING_ATTRIBUTE"),
            ({"colour": "red"}, "INVALID_ATTRIBUTE"),
        ],
    )
    def test_refuses_what_makes_no_member(self, api: Api, said: Json, code: str) -> None:
        check_refused(api.post(USERS, {"username": "new@example.com", "roles": [READER], **said}), 400, code)
        assert api.organisation.person("new@example.com") is None
        assert api.events() == []


class TestAccept:
    def test_makes_an_active_member(self, api: Api) -> None:
        made = add(api, "nina.novak@example.com")
        answer_invitation(api.organisation, "nina.novak@example.com", accepts=True)
        member = api.get(f"{USERS}/{made['id']}")
        assert (member["orgMembershipStatus"], member["firstName"], member["roles"]) == ("ACTIVE", "Nina", [READER])

    def test_is_too_late_after_thirty_days(self, api: Api) -> None:
        made = add(api, "new@example.com")
        api.later(days=31)
        with pytest.raises(NotInvited):
            answer_invitation(api.organisation, "new@example.com", accepts=True)
        assert api.get(f"{USERS}/{made['id']}")["orgMembershipStatus"] == "INVITATION_EXPIRED"

    def test_over_the_control_endpoint(self, api: Api) -> None:
        made = add(api, "new@example.com")
        headers = {"Authorization": "Bearer control-of-the-tests"}
        order = {"username": "new@example.com", "accepts": True}
        assert api.client.post("/control/invitations", json=order, headers=headers).status_code == 204
        assert api.get(f"{USERS}/{made['id']}")["orgMembershipStatus"] == "ACTIVE"
        assert api.client.post("/control/invitations", json=order, headers=headers).status_code == 422


class TestRoles:
    def test_are_added_and_removed_one_by_one(self, api: Api) -> None:
        person = add(api, "amir@example.com")["id"]
        for _ in range(2):
            added = api.post(f"{USERS}/{person}:addRole", {"groupRole": "GROUP_CLUSTER_MANAGER"})
            assert (added.status_code, added.json()["roles"]) == (200, [READER, "GROUP_CLUSTER_MANAGER"])
        removed = api.post(f"{USERS}/{person}:removeRole", {"groupRole": READER})
        assert (removed.status_code, removed.json()["roles"]) == (200, ["GROUP_CLUSTER_MANAGER"])
        assert api.event_names() == ["JOINED_GROUP", "USER_ROLES_CHANGED_AUDIT", "USER_ROLES_CHANGED_AUDIT"]

    def test_the_last_one_stays(self, api: Api) -> None:
        person = add(api, "amir@example.com")["id"]
        check_refused(api.post(f"{USERS}/{person}:removeRole", {"groupRole": READER}), 400, "VALIDATION_ERROR")
        assert api.get(f"{USERS}/{person}")["roles"] == [READER]

    def test_one_that_is_not_held_is_refused(self, api: Api) -> None:
        person = add(api, "amir@example.com")["id"]
        refused = api.post(f"{USERS}/{person}:removeRole", {"groupRole": OWNER})
        check_refused(refused, 400, "INVALID_ROLE_FOR_GROUP", OWNER, api.project.id)

    def test_the_last_owner_stays_one(self, api: Api) -> None:
        owner = api.person("olga@example.com")
        api.post(f"{USERS}/{owner}:addRole", {"groupRole": READER})
        add(api, "new@example.com", OWNER)  # Invited only: that is no owner yet.
        check_refused(api.post(f"{USERS}/{owner}:removeRole", {"groupRole": OWNER}), 403, "CANNOT_DEMOTE_LAST_OWNER")
        check_refused(api.delete(f"{USERS}/{owner}"), 403, "CANNOT_DELETE_LAST_OWNER")
        add(api, "amir@example.com", OWNER)
        assert api.post(f"{USERS}/{owner}:removeRole", {"groupRole": OWNER}).status_code == 200

    def test_of_a_stranger_are_not_found(self, api: Api) -> None:
        amir, nobody = api.person("amir@example.com"), "0" * 24
        body = {"groupRole": READER}
        check_refused(api.post(f"{USERS}/{amir}:addRole", body), 404, "USER_NOT_IN_GROUP", amir, api.project.id)
        check_refused(api.post(f"{USERS}/{nobody}:addRole", body), 404, "USER_NOT_FOUND", nobody)


class TestRemove:
    def test_ends_membership(self, api: Api) -> None:
        person = add(api, "amir@example.com")["id"]
        assert api.delete(f"{USERS}/{person}").status_code == 204
        check_refused(api.call("GET", f"{USERS}/{person}"), 404, "USER_NOT_IN_GROUP", person, api.project.id)
        assert api.event_names()[-1] == "REMOVED_FROM_GROUP"

    def test_ends_an_invitation(self, api: Api) -> None:
        person = add(api, "new@example.com")["id"]
        assert api.delete(f"{USERS}/{person}").status_code == 204
        assert api.event_names()[-1] == "GROUP_INVITATION_DELETED"

    def test_in_the_old_version_ends_membership_only(self, api: Api) -> None:
        person = add(api, "new@example.com")["id"]
        api.accept = "application/vnd.atlas.2023-01-01+json"
        check_refused(api.delete(f"{USERS}/{person}"), 404, "USER_NOT_IN_GROUP", person, api.project.id)


class TestList:
    def test_shows_direct_members_only_unless_asked(self, api: Api) -> None:
        team = next(iter(api.organisation.teams.values()))
        api.post("/teams", [{"teamId": team.id, "roleNames": [READER]}])
        api.delete(f"{USERS}/{add(api, 'amir@example.com')['id']}")
        assert names(api.get(USERS)) == ["olga@example.com"]
        assert names(api.get(USERS, flattenTeams=True)) == ["olga@example.com", "tess@example.com"]

    def test_shows_owners_of_the_organisation_if_asked(self, api: Api) -> None:
        other = f"/groups/{api.organisation.named('other').id}/users"
        assert names(api.get(other)) == []
        assert names(api.get(other, includeOrgUsers=True)) == ["olga@example.com"]

    def test_in_the_old_version_shows_the_active_with_all_their_roles(self, api: Api) -> None:
        add(api, "new@example.com")
        api.accept = "application/vnd.atlas.2023-01-01+json"
        (olga,) = api.get(USERS)["results"]
        assert olga["emailAddress"] == "olga@example.com"
        assert {"groupId": api.project.id, "roleName": OWNER} in olga["roles"]

    def test_refuses_a_status_that_is_none(self, api: Api) -> None:
        check_refused(api.call("GET", USERS, orgMembershipStatus="GONE"), 400, "INVALID_ENUM_VALUE", "GONE")


def names(body: Json) -> list[str]:
    return [each["username"] for each in body["results"]]
