"""A grant's certificate: there is none until every gate is open; then it is sealed, shown once, and never made again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.naming import subject_of
from accessrequests.models import AccessRequest, AuditEvent, Credential, Extension, Grant
from accessrequests.operations import credentials, extensions, grants
from accessrequests.operations.credentials import Revealed
from accessrequests.operations.refusals import Gone, NotReady, Spent
from sandbox.atlas.authorities import issue_to_user, make_authority
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import leaves_nothing

PEM = "-----BEGIN CERTIFICATE-----\ncanary of the certificate\n-----END CERTIFICATE-----\n"


@pytest.fixture
def pending(cast: Cast) -> Grant:
    return make.granted_by_certificate(cast.alice, cast.bob)


def reveal(grant: Grant, cast: Cast) -> Revealed:
    return credentials.reveal(grant_id=grant.pk, person=cast.alice, via=Via.API)


def test_nothing_is_sealed_before_the_target_has_confirmed_everything(pending: Grant, cast: Cast) -> None:
    attempt = grants.start_provisioning(grant_id=pending.pk)

    assert attempt is not None
    assert attempt.password == ""
    assert not Credential.objects.exists()
    with pytest.raises(NotReady):
        reveal(pending, cast)


def test_a_void_attempt_leaves_none(pending: Grant, cast: Cast) -> None:
    attempt = grants.start_provisioning(grant_id=pending.pk)
    assert attempt is not None
    grants.release(grant_id=pending.pk, holder=cast.alice, via=Via.API)

    assert not grants.mark_active(grant_id=pending.pk, attempt=attempt.number, gates={}, certificate=PEM)
    assert not Credential.objects.exists()


def test_is_shown_once_with_the_name_and_the_address_and_then_forgotten(pending: Grant, cast: Cast) -> None:
    grant = make.activated(pending, certificate=PEM)
    assert PEM.encode() not in bytes(Credential.objects.get().sealed or b"")

    revealed = reveal(grant, cast)

    assert (revealed.certificate, revealed.password) == (PEM, "")
    assert revealed.username == subject_of(grant.username)
    assert [one.cluster for one in revealed.connections] == ["orders"]
    assert "authMechanism=MONGODB-X509" in revealed.connection_string
    assert "canary" not in repr(revealed)
    assert Credential.objects.get().sealed is None
    event = AuditEvent.objects.get(event="credential.revealed")
    assert event.facts == {"generation": 1, "what": "certificate"}
    with leaves_nothing(), pytest.raises(Gone, match="once for each access") as again:
        reveal(grant, cast)
    assert not isinstance(again.value, Spent)


def test_unread_for_long_it_is_gone(pending: Grant, cast: Cast, clock: MovableClock) -> None:
    grant = make.activated(pending, certificate=PEM)
    clock.advance(timedelta(minutes=15))

    with pytest.raises(Gone, match="ask again"):
        reveal(grant, cast)
    credentials.erase_unread(grant_id=grant.pk)
    assert Credential.objects.get().state == "erased"


def test_is_never_made_again(pending: Grant, cast: Cast) -> None:
    grant = make.activated(pending, certificate=PEM)

    with leaves_nothing(), pytest.raises(Gone, match="the new access has one of its own"):
        credentials.rotate(grant_id=grant.pk, person=cast.alice, via=Via.API)


def test_another_one_is_made_when_the_access_lasts_longer_than_the_one_that_there_is(
    pending: Grant, cast: Cast, clock: MovableClock
) -> None:
    grant = make.activated(pending, certificate=PEM)
    reveal(grant, cast)
    hour = timedelta(hours=1)
    extensions.ask(grant_id=grant.pk, holder=cast.alice, via=Via.API, duration=hour, reason="It takes longer.")
    make.approve(AccessRequest.objects.get(extends=grant), cast.bob)
    assert extensions.mark_extended(extension_id=Extension.objects.get().pk)

    credentials.rotate(grant_id=grant.pk, person=cast.alice, via=Via.API)

    renewal = credentials.start_rotation(grant_id=grant.pk)
    assert renewal is not None
    assert (renewal.password, renewal.grant.expires_at) == ("", Extension.objects.get().ends_at)
    with pytest.raises(NotReady, match="not ready yet"):
        reveal(grant, cast)
    with pytest.raises(NotReady, match="certificate is on its way"):
        credentials.rotate(grant_id=grant.pk, person=cast.alice, via=Via.API)
    credentials.mark_rotated(
        grant_id=grant.pk,
        generation=renewal.generation,
        certificate=PEM.replace("canary", "second"),
        certificate_until=renewal.grant.expires_at,
    )
    assert "second of the certificate" in reveal(grant, cast).certificate
    assert AuditEvent.objects.get(event="credential.rotated").facts == {"generation": 2, "what": "certificate"}
    with leaves_nothing(), pytest.raises(Gone, match="once for each access"):
        credentials.rotate(grant_id=grant.pk, person=cast.alice, via=Via.API)


def test_one_that_outlives_the_access_says_so_where_it_is_shown(cast: Cast, pending: Grant) -> None:
    """As Atlas makes them, for whole months."""
    until = (make.now() + timedelta(days=30)).replace(microsecond=0)
    pem = issue_to_user(make_authority("Atlas"), common_name=pending.username, ends_at=until).pem
    grant = make.activated(pending, certificate=pem)

    assert grant.credential.certificate_until == until
    revealed = credentials.reveal(grant_id=grant.pk, person=cast.alice, via=Via.API)
    assert revealed.certificate_ends_at == until
    assert grant.expires_at is not None
    assert revealed.expires_at == grant.expires_at < until


def test_where_others_vouch_for_the_login_there_is_nothing_to_reveal_or_renew(cast: Cast) -> None:
    name = "arn:aws:iam::123456789012:user/alice"
    make.make_atlas(authentication=("aws_iam",), principals={name: {"method": "aws_iam", "person": "alice"}})
    make.publish_rules(make.rule("all", authentication=["aws_iam"]))
    filed = make.submit_to_atlas(cast.alice, authentication="aws_iam", principal=name)
    grant = make.activated(Grant.objects.get(access_request=make.approve(filed, cast.bob)))

    for act in (credentials.reveal, credentials.rotate):
        with pytest.raises(NotReady, match="sign in with AWS IAM as arn:aws:iam"):
            act(grant_id=grant.pk, person=cast.alice, via=Via.API)
    assert grant.login == name
