"""Guards what a call to Atlas may cost: limits on calls, time, and secrets that no failure carries out."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from accessrequests.models import ConnectionBudget
from tests.workers.atlas.calling import USERS, V, call, failure_of
from tests.workers.atlas.conftest import SECRET
from tests.workers.atlas.recorder import Recorder, Say, error
from workers.provisioners.atlas import steps
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient, Method
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.steps import step
from workers.provisioners.base import ProvisionerError
from workers.provisioners.connection_record import AtlasRecord

pytestmark = pytest.mark.django_db


class TestLimits:
    @pytest.mark.parametrize("code", ["RATE_LIMITED_TOKEN_BUCKET", "RATE_LIMITED"])
    def test_a_429_is_not_answered_with_another_call(self, client: AtlasClient, atlas: Recorder, code: str) -> None:
        atlas.answers = [error(429, code, Retry_After="55", RateLimit_Limit="10", RateLimit_Remaining="0")]
        first, second = (failure_of(client, Method.DELETE, Urgency.REVOKE) for _ in range(2))

        assert len(atlas.asked) == 1
        assert first.retry_after == 55
        assert 50 < second.retry_after <= 55
        assert "may still work" in str(first)
        assert " UTC" in str(second)
        assert not first.permanent
        assert not first.unreachable
        assert client.call(Method.GET, ("groups", "g", "accessList"), version=V, urgency=Urgency.REVOKE) == {}

    def test_a_429_that_does_not_say_how_long(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [error(429, "RATE_LIMITED")]

        assert failure_of(client).retry_after == 10

    @pytest.mark.parametrize("said", ["-5", "soon", "Sun, 22 Nov 2026 10:00:00 GMT", "9" * 5000, "1e3"])
    def test_a_wait_that_is_none_is_not_believed(self, client: AtlasClient, atlas: Recorder, said: str) -> None:
        atlas.answers = [error(429, "RATE_LIMITED", Retry_After=said, RateLimit_Limit=said, RateLimit_Remaining=said)]

        assert failure_of(client).retry_after == 10

    def test_a_wait_is_never_for_ever(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [error(429, "RATE_LIMITED", Retry_After="999999")]

        assert failure_of(client).retry_after == 300

    @pytest.mark.parametrize(
        ("remaining", "passing"),
        [
            (1000, {"reconcile", "grant", "break_glass", "revoke"}),
            (399, {"grant", "break_glass", "revoke"}),
            (249, {"break_glass", "revoke"}),
            (199, {"revoke"}),
            (0, {"revoke"}),
        ],
    )
    def test_what_is_left_goes_to_the_most_urgent(
        self, client: AtlasClient, atlas: Recorder, remaining: int, passing: set[str]
    ) -> None:
        low = {"RateLimit-Limit": "1000", "RateLimit-Remaining": str(remaining)}
        atlas.answers = [Say(200, {}, low) for _ in range(9)]
        call(client, urgency=Urgency.REVOKE)
        assert ConnectionBudget.objects.get().remaining == remaining

        passed = {urgency.value for urgency in Urgency if self.passes(client, urgency)}

        assert passed == passing
        assert len(atlas.asked) == 1 + len(passing)

    def passes(self, client: AtlasClient, urgency: Urgency) -> bool:
        try:
            client.call(Method.POST, ("groups", "g", "accessList"), version=V, urgency=urgency, body=[])
        except AtlasFailure as failure:
            return not (failure.retry_after > 10 and "ending access comes first" in str(failure))
        return True

    def test_what_is_known_grows_old(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [Say(200, {}, {"RateLimit-Limit": "1000", "RateLimit-Remaining": "1"})]
        call(client, urgency=Urgency.REVOKE)
        row = ConnectionBudget.objects.get()
        assert failure_of(client).retry_after <= 10

        ConnectionBudget.objects.update(seen_at=row.seen_at - timedelta(seconds=11))
        assert failure_of(client, Method.POST).retry_after > 45
        assert call(client) == {}

    def test_other_targets_have_limits_of_their_own(self, record: AtlasRecord, atlas: Recorder) -> None:
        atlas.answers = [Say(200, {}, {"RateLimit-Limit": "1000", "RateLimit-Remaining": "1"})]
        for slug in ("ecommerce-dev", "ecommerce-prod"):
            client = AtlasClient(record=replace(record, slug=slug))
            assert call(client) == {}
            client.close()


class TestTime:
    def test_a_slow_answer_ends_with_the_step(
        self, client: AtlasClient, atlas: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        never = threading.Event()
        atlas.answers = [Say(200, {}), Say(200, {}, after=never), Say(200, {}, after=never)]
        call(client)
        began = time.monotonic()
        with steps.bounded(1.0):
            failure = failure_of(client)
        took = time.monotonic() - began
        never.set()

        assert failure.unreachable
        assert not failure.outcome_unknown
        assert took < 2.5

    def test_a_step_within_a_step_has_no_more_time(self) -> None:
        with steps.bounded(1.0):
            with steps.bounded(9.0):
                assert steps.seconds_left() <= 1.0
            assert 0.5 < steps.seconds_left() <= 1.0
        assert steps.seconds_left() == steps.STEP_SECONDS

    def test_nothing_is_begun_when_the_time_is_over(self, client: AtlasClient, atlas: Recorder) -> None:
        with steps.bounded(0.1):
            failure = failure_of(client, Method.POST)
        assert atlas.calls == []
        assert not failure.outcome_unknown
        assert (failure.unreachable, failure.retry_after) == (False, 1.0), "a target that answers is not away"


@dataclass(frozen=True)
class Spec:
    password: str = field(repr=False)


class Stepping:
    """As a provisioner does it."""

    def __init__(self, client: AtlasClient) -> None:
        self.client = client

    @step("make the user")
    def create(self, spec: Spec) -> object:
        body = {"username": "jit", "password": spec.password}
        return self.client.call(Method.POST, USERS, version=V, urgency=Urgency.GRANT, body=body)

    @step("read it")
    def read(self) -> object:
        answer = self.client.call(Method.GET, USERS, version=V, urgency=Urgency.GRANT)
        assert isinstance(answer, dict)
        return answer["missing"]

    @step("have rights")
    def refuse(self) -> object:
        raise ProvisionerError("A sentence.", permanent=True)


class TestSecrets:
    CANARY = "canary-of-the-user"

    @pytest.mark.parametrize(
        "answers",
        [
            [Say(drop=True)],
            [error(500, "UNEXPECTED_ERROR")],
            [error(400, "WEAK_PASSWORD")],
            [Say(400, {"errorCode": "canary-of-the-user", "detail": "canary-of-the-user"})],
            [Say(200, b"canary-of-the-user")],
            [error(429, "RATE_LIMITED")],
            [error(401, "UNEXPECTED_ERROR")] * 2,
        ],
    )
    def test_none_in_what_is_raised_or_logged(
        self, client: AtlasClient, atlas: Recorder, answers: list[Say], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.DEBUG, logger="httpx2")
        atlas.answers = list(answers)
        with pytest.raises(AtlasFailure, match=r"^We could not make the user\. ") as caught:
            Stepping(client).create(Spec(self.CANARY))

        failure = caught.value
        stack = traceback.TracebackException.from_exception(failure, capture_locals=True).stack
        locals_ = "".join(str(frame.locals) for frame in stack if frame.filename != __file__)
        texts = [str(failure), repr(failure), caplog.text, repr(client), repr(vars(failure)), locals_]
        assert failure.__context__ is None
        assert "httpx2" in caplog.text
        for secret in (SECRET, self.CANARY, "token-canary-", atlas.basic):
            assert all(secret not in text for text in texts), secret
        assert "call" not in {frame.name for frame in stack}

    def test_no_address_of_a_call_is_logged(
        self, client: AtlasClient, atlas: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Names of database users stand in it, and e-mail addresses of people."""
        caplog.set_level(logging.INFO)
        atlas.answers = [Say(200, {})]

        call(client, Method.GET, "admin", "ada@example.org")

        assert caplog.text == ""

    def test_none_when_the_account_is_refused(self, record: AtlasRecord, atlas: Recorder) -> None:
        atlas.mints = [Say(401, {"error": "invalid_client", "error_description": SECRET})]
        client = AtlasClient(record=record)
        with pytest.raises(AtlasFailure, match="gives the worker's account no token") as caught:
            Stepping(client).create(Spec(self.CANARY))
        client.close()

        assert SECRET not in str(caught.value) + repr(record) + repr(vars(caught.value))

    def test_a_step_lets_out_nothing_but_failures(self, client: AtlasClient, atlas: Recorder) -> None:
        with pytest.raises(AtlasFailure, match=r"We could not read it\. Atlas answered in a form"):
            Stepping(client).read()
        with pytest.raises(ProvisionerError, match=r"^A sentence\.$") as caught:
            Stepping(client).refuse()
        assert caught.value.permanent
