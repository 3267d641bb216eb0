"""How an endpoint writes its part of the schema: what it takes, what it gives, and every way in which it can say no."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from accessrequests.api.once import HEADER
from accessrequests.api.problems import MEDIA_TYPE, TITLES
from accessrequests.api.shapes.problem import ProblemShape

View = TypeVar("View", bound=Callable[..., Any])
_ALWAYS = (
    "malformed",
    "unauthenticated",
    "scope",
    "method_not_allowed",
    "too_large",
    "slow_down",
    "broken",
    "unavailable",
)
_WITH_BODY = ("unsupported_media_type", "invalid")

_KEY = OpenApiParameter(
    name=HEADER,
    location=OpenApiParameter.HEADER,
    required=False,
    type={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    description="Your own key for this call, for example a UUID. Sent again with the same body, nothing happens again "
    "and the object is answered as it is then; with another body or path it is refused.",
)


def documented(
    *,
    scope: str,
    summary: str,
    description: str,
    answers: Mapping[Any, Any],
    body: type[serializers.Serializer[Any]] | None = None,
    filters: type[serializers.Serializer[Any]] | None = None,
    problems: Sequence[str] = (),
    examples: Mapping[str, Any] | None = None,
    once: bool = False,
    operation_id: str,
    tag: str,
) -> Callable[[View], View]:
    """Decorate the method of an endpoint."""
    codes = [*_ALWAYS, *problems, *(_WITH_BODY if body else ()), *(("invalid",) if filters or once else ())]
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=f"{description}\n\nNeeds a token with the scope `{scope}`.",
        request={"application/json": body} if body else None,
        parameters=[*([filters] if filters else []), *([_KEY] if once else [])],
        responses={**answers, **_problems(codes)},
        examples=[
            OpenApiExample(name, value=value, request_only=True, media_type="application/json")
            for name, value in (examples or {}).items()
        ],
        tags=[tag],
    )


def refuse_unknown_fields(result: Any, generator: Any, request: Any, public: Any) -> Any:  # noqa: ARG001 - a hook's
    """Say in the schema what `Strict` does."""
    for name, component in result["components"]["schemas"].items():
        if name.endswith("Request"):
            component["additionalProperties"] = False
    return result


def _problems(codes: Sequence[str]) -> dict[tuple[int, str], OpenApiResponse]:
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(TITLES[code][0], []).append(code)
    return {
        (status, MEDIA_TYPE): OpenApiResponse(ProblemShape, description=" · ".join(f"`{code}`" for code in named))
        for status, named in sorted(by_status.items())
    }


def page(name: str, shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """The shape of a list of `shape`."""
    return inline_serializer(
        name,
        {
            "next": serializers.URLField(allow_null=True, help_text="The next page: older ones. Null on the last."),
            "previous": serializers.URLField(allow_null=True),
            "results": shape(many=True),
        },
    )


class PersonalTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema shows it."""

    target_class = "accessrequests.api.authentication.PersonalTokenAuthentication"
    name = "personalToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal token. It carries scopes: read, request, decide, reveal, end, audit, admin. "
            "Each operation below says which one it needs. Cookies are never looked at.",
        }
