"""A policy tried on the requests of the past."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api.documenting import documented
from accessrequests.api.endpoint import Endpoint, body_of, person_of
from accessrequests.api.fields import Number, Strict, Text
from accessrequests.models import PolicyVersion
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, people, policy_text, simulation
from accessrequests.queries.asks import Invalid
from accessrequests.queries.rules import rules_of

TAG = "Catalogue"
USUAL_DAYS = 30
_REPLAY = {
    "The last week under a policy of one rule": {
        "document": "name: company\nrules:\n  - name: reading\n    match: {levels: [read]}\n"
        "    eligible: [engineering]\n    approvals: [{group: data-owners, people: 1}]\n    maximum: PT8H\n",
        "days": 7,
    }
}


class Replay(Strict):
    """A draft, and how far back to look."""

    document = Text(max_length=policy_text.LARGEST, help_text="The whole policy, as YAML or JSON.")
    days = Number(required=False, min_value=1, max_value=simulation.LONGEST_DAYS, help_text="30 when left out.")


class Otherwise(serializers.Serializer[Any]):
    """One request that would be answered otherwise."""

    access_request = serializers.IntegerField(source="access_request.pk")
    requester = serializers.CharField(source="access_request.requester.username")
    kind = serializers.CharField(help_text="refused, allowed, asks more, asks less, or otherwise.")
    before = serializers.CharField(help_text="What the version in force says to it now.")
    after = serializers.CharField(help_text="What the draft says.")
    why = serializers.CharField()


class ReplayShape(serializers.Serializer[Any]):
    """What a draft would have said to past requests."""

    total = serializers.IntegerField(source="done")
    left_out = serializers.IntegerField(
        help_text=f"How many older ones were not judged: at most {simulation.MOST_AT_ONCE} are in one call."
    )
    same = serializers.IntegerField()
    kinds = serializers.DictField(child=serializers.IntegerField(), help_text="How many would be otherwise, by kind.")
    changed = Otherwise(many=True, help_text=f"The newest {simulation.MOST_SHOWN} of them.")


class SimulatePolicy(Endpoint):
    """A draft, beside the version in force, on what was asked in the last days."""

    scopes = {"POST": "audit"}

    @documented(
        scope="audit",
        operation_id="policies_simulate",
        tag=TAG,
        summary="Replay past requests under a draft",
        description="What the draft would say to each request of the last days beside what the version in force says to "
        f"it now, both with the people and groups of today. The newest {simulation.MOST_AT_ONCE} are judged, and "
        "`left_out` counts the others. For administrators and auditors. Nothing is kept.",
        body=Replay,
        answers={200: ReplayShape},
        problems=["refused", "not_found"],
        examples=_REPLAY,
    )
    def post(self, request: Request) -> Response:
        body = body_of(request, Replay)
        if not people.may_audit(person_of(request)):
            raise Refused("The replay shows other people's requests. It is for administrators and auditors.")
        checked = policy_text.check(body["document"])
        if checked.rules is None:
            raise Invalid({"document": [str(remark) for remark in checked.wrong]})
        current = get_object_or_404(PolicyVersion.objects.order_by("-version")[:1])
        found = simulation.run(
            in_force=rules_of(current),
            draft=checked.rules,
            since=simulation.since_days(body.get("days", USUAL_DAYS), at=clock.now()),
            progress=lambda _: None,
        )
        return Response(ReplayShape(found).data)
