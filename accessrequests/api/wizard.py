"""What do you need to do? The questions of the portal, for programs: answers in, the next question or an ask out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.access_requests import TAG
from accessrequests.api.documenting import documented
from accessrequests.api.endpoint import Endpoint, body_of, person_of
from accessrequests.api.shapes.wizard import WizardShape, asking, proposing
from accessrequests.domain.wizard import Proposal, Step
from accessrequests.queries import people, wizard
from accessrequests.queries.asks import Invalid

MOST_NAMED = 10


class Wizard(Endpoint):
    """The next question, or the smallest ask that fits."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="access_requests_wizard",
        tag=TAG,
        summary="Be led to the smallest ask that does what you need",
        description="Send what is answered so far, at first nothing: the answer is the next `question` with its "
        "`choices`, or, when all is answered, the `ask`. Post that to `access-requests/` with what `still_to_say` "
        "names. A question with one answer is skipped. Nothing is filed or kept here.",
        body=bodies.Answers,
        answers={200: WizardShape},
        examples={
            "Nothing answered yet": {},
            "Reading one collection": {"plane": "data", "who": "me", "do": "read", "reach": "collection"},
        },
    )
    def post(self, request: Request) -> Response:
        person, answers = person_of(request), body_of(request, bodies.Answers)
        found = wizard.next_step(person, answers, groups=people.groups_of(person))
        _check_answers(answers, found)
        if isinstance(found, Proposal):
            return Response(proposing(found, wizard.still_to_say(found)))
        return Response(asking(found))


def _check_answers(answers: Mapping[str, str], found: Step | Proposal) -> None:
    """:raises Invalid: for an answer that is none of the choices, also where there was only one."""
    for one in found.given:
        if answers.get(one.key, one.value) != one.value:
            raise _no_answer(one.key, one.question, [one.value])
    if isinstance(found, Step) and found.key in answers:
        refused = next((one.refusal for one in found.choices if one.value == answers[found.key]), "")
        if refused:
            raise Invalid({found.key: [refused]})
        raise _no_answer(found.key, found.question, [one.value for one in found.choices if not one.refusal])


def _no_answer(key: str, question: str, values: Sequence[str]) -> Invalid:
    named = ", ".join(values[:MOST_NAMED]) or "none"
    more = f" and {len(values) - MOST_NAMED} more" if len(values) > MOST_NAMED else ""
    return Invalid({key: [f"That is no answer to “{question}” here. There are: {named}{more}."]})
