"""What templates are built with: the line icons, and lengths of time in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from accessrequests.web import shown

register = template.Library()

# One path each, drawn for this product on a field of 16 by 16. The line is styled by `svg.i` in app.css.
ICONS: Final = {
    "alert": "M8 2.2 14.4 13.4H1.6zM8 6.4v3.2M8 11.6v.1",
    "arrow-left": "M9.8 3.2 5 8l4.8 4.8",
    "arrow-right": "M6.2 3.2 11 8l-4.8 4.8",
    "bolt": "M9 1.8 3.4 9.2H8L7 14.2l5.6-7.4H8z",
    "chart": "M2.2 13.8h11.6M4 11.4V8M8 11.4V3M12 11.4V6",
    "chat": "M2.2 3h11.6v8H7.6l-3 2.8V11H2.2z",
    "check": "M2.8 8.6 6.4 12l6.8-7.6",
    "clock": "M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4M8 4.6V8l2.4 1.6",
    "code": "M5.4 4.6 2 8l3.4 3.4M10.6 4.6 14 8l-3.4 3.4",
    "copy": "M5.6 5.6h7.8v8.2H5.6zM10.4 5.6V2.2H2.6v8.2h3",
    "cross": "M3.6 3.6l8.8 8.8M12.4 3.6l-8.8 8.8",
    "database": "M2.8 4.2c0-1.2 2.3-2.2 5.2-2.2s5.2 1 5.2 2.2-2.3 2.2-5.2 2.2-5.2-1-5.2-2.2v7.6c0 1.2 2.3 2.2 5.2 2.2"
    "s5.2-1 5.2-2.2V4.2M2.8 8c0 1.2 2.3 2.2 5.2 2.2s5.2-1 5.2-2.2",
    "download": "M8 2v8M4.6 6.8 8 10.2l3.4-3.4M2.4 13.6h11.2",
    "eye": "M1.4 8S3.9 3.6 8 3.6 14.6 8 14.6 8 12.1 12.4 8 12.4 1.4 8 1.4 8M8 10.1a2.1 2.1 0 1 0 0-4.2 2.1 2.1 0 0 0 0 4.2",
    "inbox": "M2 9.2 4 3h8l2 6.2v4.2H2zM2 9.2h3.6l1 1.8h2.8l1-1.8H14",
    "info": "M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4M8 7.4v3.8M8 4.9V5",
    "key": "M10.4 9.4a3.7 3.7 0 1 0-3.5-2.4L2.2 11.8v2.4h2.5v-1.7h1.7v-1.7l1.3-1.3M11.4 4.9v.1",
    "list": "M5.4 4h8.4M5.4 8h8.4M5.4 12h8.4M2.2 4h.1M2.2 8h.1M2.2 12h.1",
    "live": "M8 11.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4",
    "lock": "M3.6 7.2h8.8v6.8H3.6zM5.4 7.2V4.8a2.6 2.6 0 0 1 5.2 0v2.4",
    "more": "M3.4 8h.1M8 8h.1M12.6 8h.1",
    "out": "M9.6 2.4H2.8v11.2h6.8M6.6 8h7.2M11 5.2 13.8 8 11 10.8",
    "plus": "M8 2.8v10.4M2.8 8h10.4",
    "pulse": "M1.4 8.4h3l1.8-5 3 9.6 2-4.6h3.4",
    "refresh": "M13.6 8a5.6 5.6 0 1 1-1.7-4M13.6 1.8v3.1h-3.1",
    "search": "M7 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10M10.7 10.7l3.5 3.5",
    "send": "M14 2 2 7.2l4.6 2.2L8.8 14z",
    "shield": "M8 1.6 13.4 3.4v4.2c0 3.2-2.2 5.6-5.4 6.8-3.2-1.2-5.4-3.6-5.4-6.8V3.4z",
    "sliders": "M2 4.6h7M12.4 4.6H14M10.6 2.8v3.6M2 11.4h1.6M7 11.4h7M5.4 9.6v3.6",
    "stop": "M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4M6 6h4v4H6z",
    "user": "M8 8a2.9 2.9 0 1 0 0-5.8A2.9 2.9 0 0 0 8 8M2.6 14a5.4 5.4 0 0 1 10.8 0",
    "users": "M6 7.8a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2M1.2 13.6a4.8 4.8 0 0 1 9.6 0M10.4 2.8a2.6 2.6 0 0 1 0 4.8M12.2 9.8"
    "a4.8 4.8 0 0 1 2.6 3.8",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A line icon beside words. It says nothing by itself, so screen readers pass it by.

    :raises KeyError: there is no such icon.
    """
    path = mark_safe(ICONS[name])  # noqa: S308  # nosec B308 B703: a constant of this file
    return format_html('<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>', path)


@register.filter
def words(length: timedelta) -> str:
    """2 h 14 min."""
    return shown.time_words(length)


@register.filter
def initials(name: str) -> str:
    """AA for Alice Archer."""
    parts = name.split()
    return "".join(part[0] for part in (parts[:1] + parts[1:][-1:])).upper()
