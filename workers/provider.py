"""Asks the provider of sign-ins again about those who wait for access or have it, with the tokens that it gave them.

Silence changes nothing, and is asked again a minute later. A plain no ends what the person holds.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx2
import structlog
from django.conf import settings

from accessrequests import sealing
from accessrequests.domain import claims
from accessrequests.domain.claims import Unusable
from accessrequests.models import Identity
from accessrequests.operations import identities
from accessrequests.operations.outbox import Claim
from accessrequests.queries import people
from accessrequests.queries.sealed import purpose_of_tokens
from workers.outcomes import Done, Outcome

LARGEST_ANSWER = 256 * 1024
CALL_SECONDS = 2.0
_CONFIGURATION_SECONDS = 600.0
_EARLY_SECONDS = 30.0
_NO = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

log = structlog.get_logger(__name__)


class TurnedAway(Exception):
    """The provider says no to this person, and means it."""


class NotHeard(Exception):
    """No answer that can be used."""


def ask_provider(claim: Claim) -> Outcome:
    """One person, one question; the word of the provider becomes one operation."""
    identity = people.identity(claim.subject_id)
    if identity is None or identity.sealed_tokens is None or identity.issuer != settings.ACCESS_OIDC_ISSUER:
        return Done()
    try:
        said = _asked(identity)
        claimed = claims.read(
            said, groups_claim=settings.ACCESS_OIDC_GROUPS_CLAIM, active_claim=settings.ACCESS_OIDC_ACTIVE_CLAIM
        )
    except TurnedAway as no:
        identities.turn_away(identity_id=identity.pk, tokens_round=identity.tokens_round, why=str(no))
    except (NotHeard, Unusable, httpx2.HTTPError, sealing.CannotOpen, ValueError, KeyError) as error:
        log.warning("provider_not_heard", identity=identity.pk, error=type(error).__name__)
        identities.mark_asked(identity_id=identity.pk)
    else:
        identities.follow(identity_id=identity.pk, tokens_round=identity.tokens_round, claims=claimed)
    return Done()


def _asked(identity: Identity) -> dict[str, Any]:
    """What is said of the person now. `identity` goes on with the round of the tokens that were kept on the way.

    :raises TurnedAway: the provider no longer vouches for the person.
    :raises NotHeard: it did not say anything that can be used.
    """
    purpose = purpose_of_tokens(identity)
    tokens = json.loads(sealing.open_sealed(bytes(identity.sealed_tokens or b""), purpose=purpose))
    with httpx2.Client(timeout=CALL_SECONDS) as client:
        addresses = _configuration(client)
        said: dict[str, Any] = {}
        if tokens["refresh"]:
            tokens, said = _refreshed(client, addresses["token_endpoint"], tokens)
            # Most providers take a refresh token once. The new one is kept before anything else can go wrong, or the
            # next question would be asked with the old one, and a plain no would come back.
            identity.tokens_round = identities.keep_tokens(
                identity_id=identity.pk, tokens_round=identity.tokens_round, tokens=json.dumps(tokens)
            )
        elif tokens["until"] and tokens["until"] < time.time() + _EARLY_SECONDS:
            raise NotHeard("The token is over and there is none to renew it with.")
        address = addresses.get("userinfo_endpoint")
        if address:
            answer = client.get(address, headers={"Authorization": f"Bearer {tokens['access']}"})
            if answer.status_code in _NO and not (tokens["refresh"] or tokens["until"]):
                raise NotHeard("The token may just be over: nobody said for how long it is good.")
            if answer.status_code in _NO:
                raise TurnedAway("the provider no longer vouches for the person")
            said = {**said, **_document(answer)}
    return said


def _refreshed(client: httpx2.Client, address: str, tokens: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh"],
        "client_id": settings.ACCESS_OIDC_CLIENT_ID,
        "client_secret": settings.ACCESS_OIDC_CLIENT_SECRET,
    }
    answer = client.post(address, data=form)
    if answer.status_code in {HTTPStatus.BAD_REQUEST, *_NO} and _error(answer) == "invalid_grant":
        raise TurnedAway("the provider no longer vouches for the person")
    said = _document(answer)
    seconds = said.get("expires_in")
    renewed = {
        "refresh": said.get("refresh_token") or tokens["refresh"],
        "access": said["access_token"],
        "until": time.time() + seconds if isinstance(seconds, int | float) else None,
    }
    return renewed, _claims_of(said.get("id_token"))


def _claims_of(id_token: object) -> dict[str, Any]:
    """What an ID token says that came straight from the provider over TLS (OpenID Connect Core 1.0, 3.1.3.7, 6.)."""
    if not isinstance(id_token, str) or id_token.count(".") != 2:  # noqa: PLR2004 - header, claims, signature
        return {}
    body = id_token.split(".")[1]
    decoded = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return decoded if isinstance(decoded, dict) else {}


_configured: dict[str, tuple[float, dict[str, Any]]] = {}


def _configuration(client: httpx2.Client) -> dict[str, Any]:
    """Where the provider is asked what; looked up again every ten minutes."""
    issuer = settings.ACCESS_OIDC_ISSUER
    looked_at, known = _configured.get(issuer, (0.0, {}))
    if not known or time.monotonic() - looked_at > _CONFIGURATION_SECONDS:
        known = _document(client.get(f"{issuer}/.well-known/openid-configuration"))
        if str(known.get("issuer", "")).rstrip("/") != issuer:
            raise NotHeard("The provider calls itself by another name than the settings do.")
        _configured[issuer] = time.monotonic(), known
    return known


def _document(answer: httpx2.Response) -> dict[str, Any]:
    """:raises NotHeard: when it is not a plain, good answer of a size that can be true."""
    if answer.status_code != HTTPStatus.OK or len(answer.content) > LARGEST_ANSWER:
        raise NotHeard(f"The provider answered {answer.status_code}.")
    document = answer.json()
    if not isinstance(document, dict):
        raise NotHeard("The provider's answer is no object.")
    return document


def _error(answer: httpx2.Response) -> object:
    try:
        document = answer.json()
    except ValueError:
        return None
    return document.get("error") if isinstance(document, dict) else None
