"""Reviews of access: started by administrators, answered by those who own the targets, signed off at the end."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api import bodies
from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, body_of, filters_of, person_of
from accessrequests.api.filters import Filters, ReviewItemFilters
from accessrequests.api.once import once
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.access_reviews import ReviewItemShape, ReviewShape
from accessrequests.domain.access_reviews import ReviewAnswer
from accessrequests.domain.events import Via
from accessrequests.models import Person, ReviewCampaign, ReviewItem
from accessrequests.operations import access_reviews
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import access_reviews as queries
from accessrequests.queries.belonging import Belonging, belonging_of

TAG = "Access reviews"
_START = {"Production": {"name": "Fourth quarter", "environments": ["production"], "due_at": "2030-01-31T09:30:00Z"}}


def _reached_for(person: Person, pk: int) -> None:
    """:raises NotYours: when it is there, but not this person's to see."""
    if not queries.visible_to(belonging_of(person)).filter(pk=pk).exists():
        raise NotYours(get_object_or_404(ReviewCampaign, pk=pk))


def _shapes(campaigns: Any, belonging: Belonging) -> Any:
    found = list(campaigns)
    counted = queries.progress_of([one.pk for one in found], queries.items_for(belonging))
    nothing = queries.Progress(*[0] * 6)
    context = {"progress": {one.pk: counted.get(one.pk, nothing) for one in found}}
    return ReviewShape(found, many=True, context=context).data


def _told(request: Request, pk: int, **more: Any) -> Response:
    belonging = belonging_of(person_of(request))
    campaign = get_object_or_404(queries.visible_to(belonging), pk=pk)
    return Response(_shapes([campaign], belonging)[0], **more)


class AccessReviews(Endpoint):
    """The reviews that one may see, and starting one."""

    scopes = {"GET": "read", "POST": "request"}

    @documented(
        scope="read",
        operation_id="access_reviews_list",
        tag=TAG,
        summary="List access reviews",
        description="Those in which you review something; all of them for auditors and administrators. Newest first.",
        answers={200: page("AccessReviewPage", ReviewShape)},
        filters=Filters,
    )
    def get(self, request: Request) -> Response:
        filters_of(request, Filters)
        belonging = belonging_of(person_of(request))
        return page_of(queries.visible_to(belonging), request, lambda rows: _shapes(rows, belonging))

    @documented(
        scope="request",
        operation_id="access_reviews_start",
        tag=TAG,
        summary="Start an access review",
        description="Everything that stands in its scope now is listed and frozen: live grants, and logins on the "
        "targets that this product did not make. Those who review are told by mail. For administrators.",
        body=bodies.ReviewStart,
        answers={201: ReviewShape},
        problems=["refused"],
        examples=_START,
        once=True,
    )
    def post(self, request: Request) -> Response:
        person, said = person_of(request), body_of(request, bodies.ReviewStart)
        done = once(request, lambda key: access_reviews.start(person=person, via=Via.API, idempotency=key, **said).pk)
        address = request.build_absolute_uri(reverse("api:access_review", args=[done.object_id]))
        return _told(request, done.object_id, status=201, headers={"Location": address})


class OneAccessReview(Endpoint):
    """One review."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="access_reviews_retrieve",
        tag=TAG,
        summary="Look at an access review",
        description="Its scope, and how far what you may see of it has come.",
        answers={200: ReviewShape},
        problems=["not_found"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        return _told(request, id)


class ReviewItems(Endpoint):
    """What stands in a review."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="access_reviews_items",
        tag=TAG,
        summary="List what is reviewed",
        description="What you review or reviewed of it; all of it for auditors and administrators.",
        answers={200: page("AccessReviewItemPage", ReviewItemShape)},
        filters=ReviewItemFilters,
        problems=["not_found"],
    )
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        belonging = belonging_of(person_of(request))
        get_object_or_404(queries.visible_to(belonging), pk=id)
        filters = filters_of(request, ReviewItemFilters)
        items: QuerySet[ReviewItem] = queries.narrowed(
            queries.items_for(belonging).filter(campaign=id),
            answer=filters.get("state", ""),
            target=filters.get("target", ""),
        )
        return page_of(items, request, lambda rows: ReviewItemShape(rows, many=True).data)


class AnswerReviewItem(Endpoint):
    """One answer."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="access_reviews_answer",
        tag=TAG,
        summary="Answer for one access",
        description="`keep`, `end`, or `reduce`. A grant that shall end or become less begins to end at once. What this "
        "product did not make is never touched: those who own its target are asked to see to it. An answer is given "
        "once. Nobody answers for access that they gain by.",
        body=bodies.ReviewAnswering,
        answers={200: ReviewItemShape},
        problems=["refused", "not_found", "illegal_move"],
        examples={"An end": {"answer": "end", "reason": "The project is over."}},
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        belonging = belonging_of(person)
        item = queries.items_for(belonging).filter(pk=id).first()
        if item is None:
            raise NotYours(get_object_or_404(ReviewItem.objects.select_related("campaign"), pk=id).campaign)
        said = body_of(request, bodies.ReviewAnswering)
        answer = ReviewAnswer(said["answer"])

        def answered(key: Any) -> int:
            access_reviews.answer(
                campaign_id=item.campaign_id,
                item_ids=[id],
                reviewer=person,
                answer=answer,
                reason=said.get("reason", ""),
                via=Via.API,
                idempotency=key,
                object_id=id,
            )
            return id

        done = once(request, answered)
        return Response(ReviewItemShape(get_object_or_404(queries.items_for(belonging), pk=done.object_id)).data)


class SignOffAccessReview(Endpoint):
    """The last word on a review."""

    scopes = {"POST": "decide"}

    @documented(
        scope="decide",
        operation_id="access_reviews_sign_off",
        tag=TAG,
        summary="Sign an access review off",
        description="For an administrator who answered none of it, once nothing waits for an answer.",
        body=bodies.ReviewSignOff,
        examples={"With a word": {"note": "Read with the owners of both shops."}},
        answers={200: ReviewShape},
        problems=["refused", "not_found", "illegal_move", "not_ready"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        _reached_for(person, id)
        said = body_of(request, bodies.ReviewSignOff)
        done = once(
            request,
            lambda key: access_reviews.sign_off(campaign_id=id, person=person, via=Via.API, idempotency=key, **said).pk,
        )
        return _told(request, done.object_id)


class CancelAccessReview(Endpoint):
    """Giving a review up."""

    scopes = {"POST": "request"}

    @documented(
        scope="request",
        operation_id="access_reviews_cancel",
        tag=TAG,
        summary="Cancel an access review",
        description="Nobody is asked or reminded any more. What was answered stands. For administrators.",
        body=bodies.ReviewCancel,
        examples={"A wrong scope": {"reason": "The scope was wrong; a new one is under way."}},
        answers={200: ReviewShape},
        problems=["refused", "not_found", "illegal_move"],
        once=True,
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - as the schema names it
        person = person_of(request)
        _reached_for(person, id)
        said = body_of(request, bodies.ReviewCancel)
        done = once(
            request,
            lambda key: access_reviews.cancel(campaign_id=id, person=person, via=Via.API, idempotency=key, **said).pk,
        )
        return _told(request, done.object_id)
