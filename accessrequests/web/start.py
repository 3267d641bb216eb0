"""The first run: what is still missing before somebody can ask, and the exact next step for each."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accessrequests.models import Person
from accessrequests.models.people import GroupRole
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, setup
from accessrequests.web.pages import me, portal_page, show
from accessrequests.web.whoami import belonging


def start(request: HttpRequest) -> HttpResponse:
    """Without anybody to sign in, it says what the operator runs; it makes nobody, and it tells no secret."""
    if isinstance(request.user, Person):
        return _checklist(request)
    if setup.is_empty():
        return render(request, "start/empty.html")
    return _checklist(request)  # leads to the sign-in


@portal_page("GET")
def _checklist(request: HttpRequest) -> HttpResponse:
    if GroupRole.ADMINISTRATOR not in belonging(request).roles:
        raise Refused("Only administrators set this installation up. Ask one of them.")
    steps = setup.steps(at=clock.now())
    done = sum(step.is_done for step in steps)
    return show(request, "start/start.html", {"steps": steps, "done": done, "person": me(request)})


def home(request: HttpRequest) -> HttpResponse:
    """Where one begins: an administrator with what is missing, while anything is; others with what they have."""
    if isinstance(request.user, Person):
        if GroupRole.ADMINISTRATOR in belonging(request).roles and not setup.is_complete():
            return redirect("start")
    elif setup.is_empty():
        return redirect("start")
    return redirect("access")
