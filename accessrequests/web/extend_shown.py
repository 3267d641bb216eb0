"""More time for one's own live access: what its page says to the holder, and the form; or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict

from accessrequests.domain.wording import people_needed
from accessrequests.models import AccessRequest, Extension, Grant
from accessrequests.queries import extensions
from accessrequests.web.forms import ExtendForm


@dataclass(frozen=True, slots=True)
class Extending:
    """What the page of a live grant says to its holder about its end. `who` must approve; nobody, where it is empty."""

    form: ExtendForm | None
    who: str
    waiting: AccessRequest | None
    on_its_way: Extension | None
    why_not: str
    failed: str


def extending(
    grant: Grant, *, at: datetime, form: ExtendForm | None = None, typed: QueryDict | None = None
) -> Extending:
    """`form` was sent and has to be put right; `typed` is what stood in it when a session ended."""
    longer = extensions.longer(grant, at=at)
    steps = longer.verdict.steps if longer.verdict is not None else ()
    fresh = ExtendForm(longest=longer.longest, initial=typed.dict() if typed is not None else None)
    return Extending(
        form=(form or fresh) if longer.verdict is not None else None,
        who=people_needed(steps) if steps else "",
        waiting=longer.waiting,
        on_its_way=longer.on_its_way,
        why_not=longer.why_not,
        failed=extensions.last_failure(grant) if longer.on_its_way is None else "",
    )
