"""The words that a field of the API may hold, from the domain's own enums."""

from __future__ import annotations

from enum import StrEnum

from accessrequests.domain.access_reviews import ReviewAnswer, SubjectKind
from accessrequests.domain.custom_roles import ChangeKind
from accessrequests.domain.events import Via
from accessrequests.domain.kinds import METHODS as METHODS_OF_SIGNING_IN
from accessrequests.domain.lifecycle import (
    AccessRequestState,
    ChangeState,
    CredentialState,
    EndReason,
    GateName,
    GateState,
    GrantState,
)
from accessrequests.domain.privileges import Level
from accessrequests.domain.reviews import Finding
from accessrequests.models.access_requests import AccessKind, Answer


def _words(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]


CHANGE_KINDS = _words(ChangeKind)
CHANGE_STATES = _words(ChangeState)
ACCESS_REQUEST_STATES = _words(AccessRequestState)
ANSWERS = _words(Answer)
CREDENTIAL_STATES = _words(CredentialState)
END_REASONS = _words(EndReason)
GATES = _words(GateName)
GATE_STATES = _words(GateState)
FINDINGS = _words(Finding)
GRANT_STATES = _words(GrantState)
KINDS = _words(AccessKind)
LEVELS = _words(Level)
REVIEW_ANSWERS = _words(ReviewAnswer)
REVIEW_KINDS = _words(SubjectKind)
REVIEW_STATES = ["open", *REVIEW_ANSWERS, "over"]
SURFACES = _words(Via)
METHODS = list(METHODS_OF_SIGNING_IN)
