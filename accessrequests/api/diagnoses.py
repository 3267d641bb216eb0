"""Ask why an access does not work, and read the answer."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.documenting import documented
from accessrequests.api.endpoint import Endpoint, body_of, person_of
from accessrequests.api.grants import TAG, seen
from accessrequests.api.once import once
from accessrequests.api.shapes.diagnoses import DiagnosisShape, diagnosis_shown
from accessrequests.domain.events import Via
from accessrequests.models import Person
from accessrequests.operations import diagnoses
from accessrequests.queries import diagnoses as diagnosis_queries


def told(person: Person, pk: int, *, status: int = 200) -> Response:
    """The last question about the grant, as it stands now."""
    grant = seen(person, pk)
    return Response(diagnosis_shown(grant, diagnosis_queries.last_of(grant)), status=status)


class Diagnose(Endpoint):
    """Why can't I connect?"""

    scopes = {"GET": "read", "POST": "request"}

    @documented(
        scope="read",
        operation_id="grants_diagnosis",
        tag=TAG,
        summary="Read why an access does not work",
        description="The last answer, gate by gate. Poll this after a POST until `state` is `done`.",
        answers={200: DiagnosisShape},
        problems=["not_found"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return told(person_of(request), id)

    @documented(
        scope="request",
        operation_id="grants_diagnose",
        tag=TAG,
        summary="Have an access looked at",
        description="For the holder, those who may end it, and auditors. A worker looks at network, login and roles on "
        "the target and changes nothing there. While it looks, another call waits for the same answer.",
        body=bodies.Nothing,
        answers={202: DiagnosisShape},
        problems=["refused", "not_found"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        seen(person, id)
        body_of(request, bodies.Nothing)
        once(request, lambda key: diagnoses.ask(grant_id=id, person=person, via=Via.API, idempotency=key).grant_id)
        return told(person, id, status=202)
