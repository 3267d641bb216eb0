"""Pages of a list, newest first, found by key: the millionth page costs what the first one does."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accessrequests.api.fields import PageSize, Text
from accessrequests.queries.asks import Invalid

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50
_PLACE = re.compile(r"(?P<way>[ba])(?P<key>[0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: `before` this key (older), or after it (newer)."""

    before: bool
    key: int

    @classmethod
    def read(cls, cursor: str) -> Place:
        """:raises Invalid: when the cursor is not one that we gave out."""
        try:
            found = _PLACE.fullmatch(base64.b64decode(cursor, altchars=b"-_", validate=True).decode())
        except ValueError:
            found = None
        if found is None:
            raise Invalid({"cursor": ["This cursor is not one of ours. Follow next and previous as they are."]})
        return cls(before=found["way"] == "b", key=int(found["key"]))

    def written(self) -> str:
        return base64.urlsafe_b64encode(f"{'b' if self.before else 'a'}{self.key}".encode()).decode()


class Paged(serializers.Serializer[Any]):
    """The two parameters that every list takes."""

    page_size = PageSize(required=False, help_text="How many results a page holds.")
    cursor = Text(required=False, max_length=100, help_text="Part of next and previous. Follow those as they are.")


class NewestFirst(BasePagination):
    """`{"next", "previous", "results"}`. `key` is a unique column that grows."""

    def __init__(self, *, key: str = "id", ways: Sequence[QuerySet[Any]] = ()) -> None:
        self.key = key
        self.ways = ways
        self.request: Request | None = None
        self.older: Place | None = None
        self.newer: Place | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        size = int(request.query_params.get("page_size", PAGE_SIZE))
        cursor = request.query_params.get("cursor")
        place = Place.read(cursor) if cursor is not None else None
        self.request = request
        if place is not None and not place.before:
            return self._newer_page(queryset, place, size)
        older = {f"{self.key}__lt": place.key} if place is not None else {}
        found = self._first(queryset, older, f"-{self.key}", size + 1)
        page = found[:size]
        self.older = Place(before=True, key=self._key_of(page[-1])) if len(found) > size else None
        self.newer = Place(before=False, key=self._key_of(page[0])) if place is not None and page else None
        return page

    def _newer_page(self, queryset: QuerySet[Row], place: Place, size: int) -> list[Row]:
        found = self._first(queryset, {f"{self.key}__gt": place.key}, self.key, size + 1)
        page = found[:size][::-1]
        self.newer = Place(before=False, key=self._key_of(page[0])) if len(found) > size else None
        self.older = Place(before=True, key=self._key_of(page[-1])) if page else None
        return page

    def _first(self, queryset: QuerySet[Row], where: Mapping[str, int], order: str, most: int) -> list[Row]:
        """By each way only as many as fit the page: a person who sees half of a million rows does not wait for them."""
        if not self.ways:
            return list(queryset.filter(**where).order_by(order)[:most])
        ways = [way.filter(**where).order_by(order).values_list(self.key, flat=True)[:most] for way in self.ways]
        keys = list(ways[0] if len(ways) == 1 else ways[0].union(*ways[1:]).order_by(order)[:most])
        return list(queryset.filter(**{f"{self.key}__in": keys}).order_by(order))

    def _key_of(self, row: Model) -> int:
        return int(getattr(row, self.key))

    def _link(self, place: Place | None) -> str | None:
        if place is None or self.request is None:
            return None
        return replace_query_param(self.request.build_absolute_uri(), "cursor", place.written())

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._link(self.older), "previous": self._link(self.newer), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        properties: Mapping[str, Any] = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}


def page_of(
    queryset: QuerySet[Row],
    request: Request,
    shown: Callable[[Sequence[Row]], Any],
    *,
    key: str = "id",
    ways: Sequence[QuerySet[Row]] = (),
) -> Response:
    """One page of a list, as an answer. With `ways`, the list holds what is found by any of them."""
    paginator = NewestFirst(key=key, ways=ways)
    return paginator.get_paginated_response(shown(paginator.paginate_queryset(queryset, request)))
