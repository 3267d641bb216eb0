"""What every endpoint shares: scopes per method, bodies and filters read strictly, and the person who calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from accessrequests.api.fields import Strict
from accessrequests.api.parsing import with_known_length
from accessrequests.models import Person


class Endpoint(APIView):
    """A view that names the scope of each of its methods."""

    scopes: ClassVar[Mapping[str, str]] = {}
    metadata_class = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look at who calls before anything of the body is read."""
        super().initial(request, *args, **kwargs)
        with_known_length(request._request)  # noqa: SLF001 - DRF's wrapper offers no other way to Django's request


def person_of(request: Request) -> Person:
    """The person whose token this is; `HasScope` has seen to it that there is one."""
    if not isinstance(request.user, Person):
        raise TypeError("An endpoint without a person was reached: it lacks HasScope.")
    return request.user


def body_of(request: Request, body: type[Strict]) -> dict[str, Any]:
    """:raises ValidationError: naming every field that is missing, unknown or wrong."""
    serializer = body(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def filters_of(request: Request, filters: type[Strict]) -> dict[str, Any]:
    """:raises ValidationError: naming every filter that is unknown or wrong."""
    serializer = filters(data=dict(request.query_params.items()))
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
