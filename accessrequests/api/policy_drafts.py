"""Drafts of policies: written, proposed and published, and agreed to or rejected by those whose agreement the version in
force asks for.
"""

from __future__ import annotations

from collections.abc import Callable

from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, body_of, filters_of, person_of
from accessrequests.api.fields import Strict, Text
from accessrequests.api.filters import Filters
from accessrequests.api.once import once
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.policy_drafts import PolicyDraftLine, PolicyDraftShape
from accessrequests.domain.events import Via
from accessrequests.models import PolicyDraft
from accessrequests.operations import policy_drafts
from accessrequests.queries import drafts, policy_text
from accessrequests.queries.asks import Invalid
from accessrequests.queries.people import actor_of

TAG = "Catalogue"
LONGEST = 2_000


_DRAFT = {
    "One rule": {
        "document": "name: company\nrules:\n  - name: reading\n    match: {levels: [read]}\n"
        "    eligible: [engineering]\n    approvals: [{group: data-owners, people: 1}]\n    maximum: PT8H\n"
    }
}


class Document(Strict):
    """What may become the next version."""

    document = Text(max_length=policy_text.LARGEST, help_text="The whole policy, as YAML or JSON.")


class Agreement(Strict):
    """A yes to a draft. What was proposed stays as it is, so there is no revision to name."""

    comment = Text(required=False, max_length=LONGEST, allow_blank=True, help_text="For the others to read.")


class Rejection(Strict):
    """A no to a draft, which ends it."""

    why = Text(max_length=LONGEST, help_text="For whoever wrote it to read.")


def _told(pk: int, *, status: int = 200) -> Response:
    held = get_object_or_404(drafts.drafts(), pk=pk)
    return Response(PolicyDraftShape(drafts.shown(held)).data, status=status)


class PolicyDrafts(Endpoint):
    """All of them, and keeping one more."""

    scopes = {"GET": "read", "POST": "decide"}

    @documented(
        scope="read",
        operation_id="policy_drafts_list",
        tag=TAG,
        summary="List drafts of policies",
        description="Every draft, newest first, whatever became of it. Everybody may read policies and their drafts.",
        answers={200: page("PolicyDraftPage", PolicyDraftLine)},
        filters=Filters,
    )
    def get(self, request: Request) -> Response:
        filters_of(request, Filters)
        found = drafts.drafts().defer("document", "rules", "version__document", "version__rules")
        return page_of(found, request, lambda rows: PolicyDraftLine(rows, many=True).data)

    @documented(
        scope="decide",
        operation_id="policy_drafts_create",
        tag=TAG,
        summary="Keep a draft of a policy",
        description="Nothing is published. 422 names each thing that is wrong with its line. For administrators.",
        body=Document,
        answers={201: PolicyDraftShape},
        problems=["refused"],
        examples=_DRAFT,
        once=True,
    )
    def post(self, request: Request) -> Response:
        person, text = person_of(request), body_of(request, Document)["document"]
        checked = policy_text.check(text)
        if checked.rules is None:
            raise Invalid({"document": [str(remark) for remark in checked.wrong]})
        actor, document = actor_of(person, Via.API), checked.document
        done = once(
            request,
            lambda key: policy_drafts.draft(text=text, document=document, actor=actor, idempotency=key).pk,
        )
        return _told(done.object_id, status=201)


class OnePolicyDraft(Endpoint):
    """One of them."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="policy_drafts_retrieve",
        tag=TAG,
        summary="Look at a draft of a policy",
        description="Its document, what it would change against the version in force, and who agreed.",
        answers={200: PolicyDraftShape},
        problems=["not_found"],
    )
    def get(self, _request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _told(id)


class ProposeDraft(Endpoint):
    """Asking for the agreement of others."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="policy_drafts_propose",
        tag=TAG,
        summary="Propose a draft of a policy",
        description="Where the version in force asks for the agreement of others (`publishing`): they are told, and the "
        "last of them publishes it. For administrators, who then do not count themselves.",
        body=bodies.Nothing,
        answers={200: PolicyDraftShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _moved(request, id, policy_drafts.propose)


class PublishDraft(Endpoint):
    """Publishing without others."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="policy_drafts_publish",
        tag=TAG,
        summary="Publish a draft of a policy",
        description="It is the next version and in force at once. 403 where the version in force asks for the agreement "
        "of others: propose it. For administrators.",
        body=bodies.Nothing,
        answers={200: PolicyDraftShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _moved(request, id, policy_drafts.publish_draft)


def _moved(request: Request, pk: int, verb: Callable[..., PolicyDraft]) -> Response:
    get_object_or_404(drafts.drafts(), pk=pk)
    person = person_of(request)
    body_of(request, bodies.Nothing)
    done = once(request, lambda key: verb(draft_id=pk, person=person, via=Via.API, idempotency=key).pk)
    return _told(done.object_id)


class AgreeToDraft(Endpoint):
    """A yes."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="policy_drafts_agree",
        tag=TAG,
        summary="Agree to a draft of a policy",
        description="For those whose agreement the version in force asks for (`publishing`), but for whoever wrote or "
        "proposed it. The last agreement that is needed publishes it. 409 `illegal_move` when it waits no more, or when "
        "another version has come into force since it was proposed. No lent voice counts.",
        body=Agreement,
        examples={"With a word": {"comment": "Shorter is better."}},
        answers={200: PolicyDraftShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        get_object_or_404(drafts.drafts(), pk=id)
        person, said = person_of(request), body_of(request, Agreement)
        done = once(
            request,
            lambda key: policy_drafts.approve(draft_id=id, approver=person, via=Via.API, idempotency=key, **said).pk,
        )
        return _told(done.object_id)


class RejectDraft(Endpoint):
    """A no."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="policy_drafts_reject",
        tag=TAG,
        summary="Reject a draft of a policy",
        description="Ends it. For administrators, and for those whose agreement it waits for.",
        body=Rejection,
        answers={200: PolicyDraftShape},
        problems=["refused", "not_found", "illegal_move"],
        examples={"Too wide": {"why": "Seven days are too long for production."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        get_object_or_404(drafts.drafts(), pk=id)
        person, said = person_of(request), body_of(request, Rejection)
        done = once(
            request,
            lambda key: policy_drafts.reject(draft_id=id, person=person, via=Via.API, idempotency=key, **said).pk,
        )
        return _told(done.object_id)
