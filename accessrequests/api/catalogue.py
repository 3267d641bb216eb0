"""What can be asked for, and by which rules."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from accessrequests.api.documenting import documented, page
from accessrequests.api.endpoint import Endpoint, filters_of
from accessrequests.api.filters import Filters
from accessrequests.api.pagination import page_of
from accessrequests.api.shapes.catalogue import PolicyShape, RoleShape, TargetDetail, TargetShape
from accessrequests.domain import language
from accessrequests.queries import catalogue

TAG = "Catalogue"


class Targets(Endpoint):
    """The list of targets."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="targets_list",
        tag=TAG,
        summary="List targets",
        description="Every database server on which access can be asked for.",
        answers={200: page("TargetPage", TargetShape)},
        filters=Filters,
    )
    def get(self, request: Request) -> Response:
        filters_of(request, Filters)
        return page_of(catalogue.targets(), request, lambda targets: TargetShape(targets, many=True).data)


class OneTarget(Endpoint):
    """One target."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="targets_retrieve",
        tag=TAG,
        summary="Look at a target",
        description="With its databases and collections, for roles like read@shop.orders.",
        answers={200: TargetDetail},
        problems=["not_found"],
    )
    def get(self, request: Request, slug: str) -> Response:
        return Response(TargetDetail(get_object_or_404(catalogue.every_target(), slug=slug)).data)


class Roles(Endpoint):
    """What roles a target really has."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="targets_roles",
        tag=TAG,
        summary="List the roles of a target",
        description="As they were read from the target itself, with what each lets a person do and how much trust it "
        "needs. All of them on one page. 403 `refused` while they have not been read yet.",
        answers={200: page("RolePage", RoleShape)},
        problems=["not_found", "refused"],
    )
    def get(self, request: Request, slug: str) -> Response:
        roles = catalogue.roles_of(get_object_or_404(catalogue.every_target(), slug=slug))
        return Response({"next": None, "previous": None, "results": RoleShape(roles, many=True).data})


class Policies(Endpoint):
    """Published policies."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="policies_list",
        tag=TAG,
        summary="List policies",
        description="Every published version, newest first. `current` is the one that new asks are judged by; a "
        "filed request is judged by the stricter of its own and the current one.",
        answers={200: page("PolicyPage", PolicyShape)},
        filters=Filters,
    )
    def get(self, request: Request) -> Response:
        filters_of(request, Filters)
        context = {"current": catalogue.current_version()}
        return page_of(
            catalogue.policies(), request, lambda versions: PolicyShape(versions, many=True, context=context).data
        )


class PolicySchema(Endpoint):
    """The language of policies, for editors."""

    scopes = {"GET": "read"}

    @documented(
        scope="read",
        operation_id="policies_schema",
        tag=TAG,
        summary="Read the language of policies",
        description="A JSON Schema (draft 2020-12) of the document, for editors that complete and check while one "
        "types. `manage.py policy schema` writes the same.",
        answers={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        return Response(language.schema())
