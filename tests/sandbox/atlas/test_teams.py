"""Teams and people of the stand-in's organisation, and the teams' roles in a project."""

from __future__ import annotations

import pytest

from tests.sandbox.atlas.api import Api, Json, check_refused

READER, MANAGER = "GROUP_READ_ONLY", "GROUP_CLUSTER_MANAGER"


def team_of(api: Api) -> str:
    return next(iter(api.organisation.teams))


class TestTeamsOfAProject:
    def test_come_change_and_go(self, api: Api) -> None:
        team = team_of(api)
        added = api.post("/teams", [{"teamId": team, "roleNames": [READER]}])
        assert added.status_code == 200
        assert [(each["teamId"], each["roleNames"]) for each in added.json()["results"]] == [(team, [READER])]
        changed = api.patch(f"/teams/{team}", {"roleNames": [MANAGER]})
        assert changed.json()["results"][0]["roleNames"] == [MANAGER]
        assert api.get(f"/teams/{team}")["roleNames"] == [MANAGER]
        assert api.delete(f"/teams/{team}").status_code == 204
        assert api.get("/teams")["results"] == []
        assert api.event_names() == ["TEAM_ADDED_TO_GROUP", "TEAM_ROLES_MODIFIED", "TEAM_REMOVED_FROM_GROUP"]
        assert api.events()[0]["teamId"] == team

    @pytest.mark.parametrize(
        ("said", "status", "code"),
        [
            ({"roleNames": []}, 403, "NO_ROLES_IN_ASSIGNMENT"),
            ({"roleNames": ["GROUP_KING"]}, 400, "INVALID_ROLE_FOR_GROUP"),
            ({"teamId": "0" * 24}, 404, "TEAM_NOT_FOUND"),
        ],
    )
    def test_are_refused_without_roles_and_unknown(self, api: Api, said: Json, status: int, code: str) -> None:
        check_refused(api.post("/teams", [{"teamId": team_of(api), "roleNames": [READER], **said}]), status, code)
        assert api.get("/teams")["results"] == []

    def test_are_there_once(self, api: Api) -> None:
        body = [{"teamId": team_of(api), "roleNames": [READER]}]
        api.post("/teams", body)
        check_refused(api.post("/teams", body), 409, "TEAM_EXISTS_IN_GROUP")
        check_refused(api.post("/teams", body[0]), 400, "INVALID_JSON")

    def test_are_a_hundred_at_most(self, api: Api) -> None:
        api.project.teams.update({str(number): [READER] for number in range(100)})
        refused = api.post("/teams", [{"teamId": team_of(api), "roleNames": [READER]}])
        check_refused(refused, 400, "MAX_TEAMS_PER_GROUP_EXCEEDED", 100, "shop")

    def test_that_are_not_there_are_not_found(self, api: Api) -> None:
        path = f"/teams/{team_of(api)}"
        for answer in (api.call("GET", path), api.patch(path, {"roleNames": [READER]}), api.delete(path)):
            check_refused(answer, 404, "TEAM_NOT_IN_GROUP")


class TestTeamsOfTheOrganisation:
    def test_have_members_who_come_and_go(self, api: Api) -> None:
        org, team, amir = api.organisation.id, team_of(api), api.person("amir@example.com")
        path = f"/orgs/{org}/teams/{team}"
        assert [each["name"] for each in api.get(f"/orgs/{org}/teams")["results"]] == ["analysts"]
        assert api.post(f"{path}:addUser", {"id": amir}).json()["teamIds"] == [team]
        members = [each["username"] for each in api.get(f"{path}/users")["results"]]
        assert members == ["tess@example.com", "amir@example.com"]
        assert api.post(f"{path}:removeUser", {"id": amir}).json()["teamIds"] == []
        check_refused(api.post(f"{path}:removeUser", {"id": amir}), 404, "USER_NOT_FOUND", amir)

    def test_take_only_people_of_the_organisation(self, api: Api) -> None:
        path = f"/orgs/{api.organisation.id}/teams/{team_of(api)}:addUser"
        check_refused(api.post(path, {"id": "amir"}), 404, "INVALID_USER_ID", "amir")
        check_refused(api.post(path, {"id": "0" * 24}), 404, "USER_NOT_IN_ORG", "0" * 24, api.organisation.id)


class TestPeople:
    def test_show_their_roles_and_teams(self, api: Api) -> None:
        people = {each["username"]: each for each in api.get(f"/orgs/{api.organisation.id}/users")["results"]}
        assert people.keys() == {"olga@example.com", "amir@example.com", "tess@example.com"}
        assert people["olga@example.com"]["roles"] == {
            "groupRoleAssignments": [{"groupId": api.project.id, "groupRoles": ["GROUP_OWNER"]}],
            "orgRoles": ["ORG_OWNER"],
        }
        assert people["tess@example.com"]["teamIds"] == [team_of(api)]

    def test_are_found_by_id_and_name(self, api: Api) -> None:
        users, amir = f"/orgs/{api.organisation.id}/users", api.person("amir@example.com")
        assert api.get(f"{users}/{amir}")["username"] == "amir@example.com"
        assert [each["id"] for each in api.get(users, username="amir@example.com")["results"]] == [amir]
        check_refused(api.call("GET", f"{users}/{'0' * 24}"), 404, "USER_NOT_IN_ORG")
