"""Guards the stand-in's rate limits: a bucket for each set of endpoints and project, its headers and its refusal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.atlas.buckets import Buckets, UnknownBucket
from sandbox.atlas.wire import AtlasError
from tests.sandbox.atlas.serving import Served, serving

USERS = "/groups/{groupId}/databaseUsers"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(buckets: Buckets, *, template: str = USERS, project: str = "p", key: str = "k") -> str:
    return buckets.take(template=template, parameters={"groupId": project}, key=key)["RateLimit-Remaining"]


@pytest.mark.parametrize(
    ("template", "name", "capacity"),
    [
        (USERS, "databaseUsers", 10_000),
        (USERS + "/{databaseName}/{username}", "databaseUsers", 10_000),
        (USERS + "/{username}/certs", "certs", 1200),
        ("/groups/{groupId}/clusters/{clusterName}/status", "clusters", 10_000),
        ("/groups/{groupId}/customDBRoles/roles", "customDBRoles", 2000),
        ("/groups/{groupId}/accessList/{entryValue}/status", "accessList", 1200),
        ("/groups/{groupId}/users/{userId}:addRole", "groupUsers", 1200),
        ("/groups/{groupId}/events", "groupEvents", 300),
        ("/groups/{groupId}/processes", "processes", 300),
        ("/groups/{groupId}", "groups", 1200),
        ("/groups", "groupsOfCaller", 1200),
        ("/orgs", "orgsOfCaller", 300),
        ("/orgs/{orgId}/users", "orgs", 1200),
        ("", "root", 1200),
    ],
)
def test_every_endpoint_has_its_bucket(template: str, name: str, capacity: int) -> None:
    found = Buckets().set_of(template)
    assert (found.name, found.capacity) == (name, capacity)


class TestBucket:
    def test_is_one_for_each_project_and_shared_by_callers(self) -> None:
        buckets = Buckets()
        assert take(buckets) == "9999"
        assert take(buckets, key="other") == "9998"
        assert take(buckets, project="other") == "9999"
        assert take(buckets, template="/orgs", key="k") == "299"
        assert take(buckets, template="/orgs", key="other") == "299"

    def test_is_refilled_at_once_and_never_over_its_capacity(self, clock: Clock) -> None:
        buckets = Buckets(clock=clock)
        buckets.change("databaseUsers", {"capacity": 10, "refill": 5, "seconds": 60})
        for _ in range(10):
            take(buckets)
        clock.now += 59.5
        with pytest.raises(AtlasError) as caught:
            take(buckets)
        assert caught.value.headers == {"Retry-After": "1"}
        clock.now += 0.5
        assert take(buckets) == "4"
        clock.now += 600
        assert take(buckets) == "9"

    def test_can_be_given_what_remains(self) -> None:
        buckets = Buckets()
        buckets.change("databaseUsers", {"remaining": 2})
        assert take(buckets) == "1"

    @pytest.mark.parametrize(
        ("name", "values"),
        [("nothing", {"capacity": 1}), ("orgs", {"size": 1}), ("orgs", {"capacity": -1}), ("orgs", {"refill": True})],
    )
    def test_has_to_be_one(self, name: str, values: dict[str, int]) -> None:
        with pytest.raises(UnknownBucket):
            Buckets().change(name, values)


class TestAnswers:
    def test_carry_what_is_left(self, served: Served) -> None:
        with served.bearer() as client:
            for left in ("1199", "1198"):
                answer = client.get(served.path("/accessList"))
                assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("1200", left)
            refused = client.delete(served.path("/accessList/unknown"))
        assert (refused.status_code, refused.headers["RateLimit-Remaining"]) == (404, "1197")

    def test_say_when_nothing_is(self, served: Served) -> None:
        assert (
            served.control("PATCH", "buckets/accessList", {"capacity": 10, "refill": 5, "remaining": 1}).status_code
            == 200
        )
        with served.bearer() as client:
            client.post(served.path("/accessList"), json={"name": "first"})
            answer = client.post(served.path("/accessList"), json={"name": "second"})
        said = answer.json()
        wait = int(answer.headers["Retry-After"])
        path = "api/atlas/v2/groups/{groupId}/accessList"
        assert answer.status_code == 429
        assert 58 <= wait <= 60
        assert said["errorCode"] == answer.headers["X-Error-Code"] == "RATE_LIMITED_TOKEN_BUCKET"
        assert said["parameters"] == [path, wait, 10, 5, 60]
        assert said["detail"] == (
            f"Rate limit exceeded for {path}. Please retry after {wait} seconds. "
            "Request capacity: 10. Refill rate: 5 per 60 seconds."
        )
        assert served.shelf.names == ["first"]

    def test_of_the_desk_list_the_buckets(self, served: Served) -> None:
        assert {each["name"]: each["capacity"] for each in served.control("GET", "buckets").json()}["orgEvents"] == 500
        assert served.control("PATCH", "buckets/nothing", {"capacity": 1}).status_code == 422
