"""Guards the token of a service account: one worker asks for it, all use it, an old one until it is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from accessrequests import sealing
from accessrequests.models import ConnectionToken
from accessrequests.queries import clock
from tests.workers.atlas.conftest import LOGIN
from tests.workers.atlas.recorder import Recorder, Say, error
from workers.provisioners.atlas import steps
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient, Method
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.connection_record import AtlasRecord

pytestmark = pytest.mark.usefixtures("committed")

GROUP = ("groups", "5f0000000000000000000001")
WORKERS = 16


def call(client: AtlasClient, method: Method = Method.GET) -> object:
    return client.call(method, GROUP, version="2023-01-01", urgency=Urgency.REVOKE)


def age(by: timedelta) -> None:
    """As if the token had been minted so much earlier."""
    row = ConnectionToken.objects.get()
    assert row.minted_at is not None
    assert row.renew_at is not None
    assert row.expires_at is not None
    row.minted_at, row.renew_at, row.expires_at = row.minted_at - by, row.renew_at - by, row.expires_at - by
    row.save()


@pytest.fixture
def workers(record: AtlasRecord) -> Iterator[list[AtlasClient]]:
    """Each has a client of its own, as processes have."""
    clients = [AtlasClient(record=record) for _ in range(WORKERS)]
    yield clients
    for client in clients:
        client.close()


def all_at_once(workers: list[AtlasClient]) -> list[object]:
    start = threading.Barrier(len(workers))

    def work(client: AtlasClient) -> object:
        try:
            start.wait()
            return call(client)
        except AtlasFailure as failure:
            return failure
        finally:
            connection.close()

    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(work, workers))


class TestShared:
    def test_one_asks_and_all_use_it(self, workers: list[AtlasClient], atlas: Recorder) -> None:
        pause = threading.Event()
        atlas.on_mint = lambda: pause.wait(0.3)

        assert all_at_once(workers) == [{}] * WORKERS
        assert len(atlas.token_calls) == 1
        assert {one.headers["Authorization"] for one in atlas.asked} == {"Bearer token-canary-1"}

    def test_a_flushed_redis_costs_no_token_call(self, workers: list[AtlasClient], atlas: Recorder) -> None:
        all_at_once(workers)
        with Redis.from_url(settings.REDIS_URL) as redis:
            redis.flushdb()

        assert all_at_once(workers) == [{}] * WORKERS
        assert len(atlas.token_calls) == 1

    def test_a_refused_token_is_renewed_once_by_all(self, workers: list[AtlasClient], atlas: Recorder) -> None:
        all_at_once(workers)
        atlas.refused.add("token-canary-1")

        assert all_at_once(workers) == [{}] * WORKERS
        assert len(atlas.token_calls) == 2

    def test_is_kept_for_other_processes_but_not_for_those_without_the_secret(
        self, client: AtlasClient, atlas: Recorder, record: AtlasRecord
    ) -> None:
        call(client)
        row = ConnectionToken.objects.get()
        sealed = bytes(row.sealed or b"")

        assert b"token-canary" not in sealed
        with pytest.raises(sealing.CannotOpen):
            sealing.open_sealed(sealed, purpose=row.account)
        keys = sealing.key_of(LOGIN.secret)
        assert sealing.open_sealed(sealed, purpose=row.account, keys=keys) == "token-canary-1"

        with pytest.raises(sealing.CannotOpen):
            sealing.open_sealed(sealed, purpose="https://evil.example " + LOGIN.account, keys=keys)

    def test_a_new_secret_asks_for_a_new_token(self, client: AtlasClient, atlas: Recorder, record: AtlasRecord) -> None:
        call(client)
        renewed = replace(LOGIN, secret="another")
        other = AtlasClient(record=replace(record, login=renewed))
        atlas.basic = Recorder(account=renewed.account, secret=renewed.secret).basic

        assert call(other) == {}
        assert atlas.asked[-1].headers["Authorization"] == "Bearer token-canary-2"
        other.close()


class TestRenewed:
    def test_at_four_fifths_of_its_life_by_one(self, workers: list[AtlasClient], atlas: Recorder) -> None:
        all_at_once(workers)
        age(timedelta(seconds=0.79 * atlas.life))
        all_at_once(workers)
        assert len(atlas.token_calls) == 1

        age(timedelta(seconds=0.02 * atlas.life))
        assert all_at_once(workers) == [{}] * WORKERS
        assert len(atlas.token_calls) == 2

    @pytest.mark.parametrize("over", [0.9, 1.5])
    def test_an_old_one_is_used_while_no_other_can_be_had(
        self, client: AtlasClient, atlas: Recorder, over: float
    ) -> None:
        call(client)
        age(timedelta(seconds=over * atlas.life))
        atlas.mints = [Say(drop=True), error(429, "RATE_LIMITED", Retry_After="30")]

        assert call(client) == {}
        assert len(atlas.token_calls) == 2

        ConnectionToken.objects.update(not_before=None)
        assert call(client) == {}
        assert call(client) == {}
        assert len(atlas.token_calls) == 3, "Atlas said how long to wait."
        assert {one.headers["Authorization"] for one in atlas.asked} == {"Bearer token-canary-1"}

    def test_while_another_renews_an_old_one_is_used(self, client: AtlasClient, atlas: Recorder) -> None:
        call(client)
        age(timedelta(seconds=0.9 * atlas.life))
        ConnectionToken.objects.update(leased_until=clock.now() + timedelta(seconds=5))

        assert call(client) == {}
        assert len(atlas.token_calls) == 1

    @pytest.mark.parametrize("method", Method)
    def test_a_refused_call_is_made_once_more(self, client: AtlasClient, atlas: Recorder, method: Method) -> None:
        call(client)
        atlas.refused.add("token-canary-1")
        atlas.answers = [Say(200, {"n": 1})]

        assert call(client, method) == {"n": 1}
        assert [one.headers["Authorization"] for one in atlas.asked[1:]] == [
            "Bearer token-canary-1",
            "Bearer token-canary-2",
        ]

    def test_an_account_whose_every_token_is_refused_does_not_use_up_the_limit(
        self, client: AtlasClient, atlas: Recorder
    ) -> None:
        atlas.refused = {f"token-canary-{number}" for number in range(1, 99)}
        failures = []
        for _ in range(10):
            with pytest.raises(AtlasFailure) as caught:
                call(client)
            failures.append(caught.value)

        assert len(atlas.token_calls) <= 3
        assert not any(failure.gone or failure.permanent for failure in failures)
        assert failures[-1].retry_after > 0

    def test_takes_over_from_one_who_died_over_it(self, client: AtlasClient, atlas: Recorder) -> None:
        account = f"{atlas.url} {LOGIN.account}"
        row = ConnectionToken.objects.create(
            account=account, lease=1, leased_until=clock.now() + timedelta(seconds=0.3)
        )
        with steps.bounded(0.1), pytest.raises(AtlasFailure):
            call(client)
        assert atlas.calls == []
        while clock.now() <= (row.leased_until or clock.now()):
            time.sleep(0.02)

        assert call(client) == {}
        assert ConnectionToken.objects.get().round == 1


class TestNone:
    @pytest.mark.parametrize(
        ("said", "wait", "unreachable"),
        [
            (error(429, "RATE_LIMITED", Retry_After="42"), 42, False),
            (error(429, "RATE_LIMITED"), 60, False),
            (Say(503, None, {"Retry-After": "9"}), 9, False),
            (Say(403, {"error": "access_denied"}), 15, False),
            (Say(200, {"access_token": 5, "expires_in": 3600}), 15, False),
            (Say(200, b"nothing"), 15, False),
            (Say(500), 1, True),
            (Say(drop=True), 1, True),
        ],
    )
    def test_says_when_it_is_tried_again(
        self, client: AtlasClient, atlas: Recorder, said: Say, wait: float, unreachable: bool
    ) -> None:
        atlas.mints = [said]
        with pytest.raises(AtlasFailure) as first:
            call(client)
        with pytest.raises(AtlasFailure) as second:
            call(client)

        assert (first.value.retry_after, first.value.unreachable) == (wait, unreachable)
        assert second.value.retry_after > 0
        assert not first.value.permanent
        assert len(atlas.token_calls) == 1
        assert atlas.asked == []


class TestApiKey:
    def test_answers_the_challenge(self, record: AtlasRecord, atlas: Recorder) -> None:
        challenge = 'Digest realm="MMS Public API", domain="", nonce="aBc+/=", algorithm=MD5, qop="auth", stale=false'
        refusal = error(401, "UNEXPECTED_ERROR")
        atlas.open_to_all = True
        atlas.answers = [replace(refusal, headers={"WWW-Authenticate": challenge}), Say(200, {"n": 1}), Say(200, {})]
        key = replace(LOGIN, account="publickey", secret="private-canary", is_api_key=True)
        client = AtlasClient(record=replace(record, login=key))

        path = (*GROUP, "databaseUsers", "$external", "a/b")
        assert client.call(Method.GET, path, version="2023-01-01", urgency=Urgency.GRANT) == {"n": 1}
        assert client.call(Method.GET, path, version="2023-01-01", urgency=Urgency.GRANT) == {}
        client.close()

        first, second, third = atlas.asked
        assert "Authorization" not in first.headers
        for proved in (second, third):
            header = proved.headers["Authorization"]
            assert header.startswith('Digest username="publickey"')
            assert f'uri="{proved.path}"' in header
            assert "%24external/a%2Fb" in header
            assert "private-canary" not in header
        assert atlas.token_calls == []
