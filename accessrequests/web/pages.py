"""What every page of the portal has in common: who is signed in, which methods it takes, and how it answers a no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.http import urlencode

from accessrequests.models import Person
from accessrequests.operations import calls
from accessrequests.web import accounts, errors, unsent

# What htmx takes for the last answer.
STOP_POLLING = 286

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


class SeeOther(HttpResponseRedirect):
    """After a POST: look there, with a GET, so that reloading repeats nothing."""

    status_code = HTTPStatus.SEE_OTHER


def portal_page(*methods: str) -> Callable[[View[P]], View[P]]:
    """A page for signed-in people. What an operation refuses becomes a page that says so."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            back = request.path if "GET" in methods else request.path.rsplit("/", 2)[0] + "/"
            if not request.user.is_authenticated:
                page = unsent.keep(request, page=back)
                if request.headers.get("HX-Request") == "true":
                    return errors.signed_out(request)
                wanted = request.get_full_path() if "GET" in methods else page
                return redirect_to_login(wanted, login_url=resolve_url(settings.LOGIN_URL))
            if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
                return errors.method_not_allowed(request, methods, back=back)
            if request.method == "POST" and not calls.may_call(person=me(request)):
                return errors.too_often(request, back=back)
            try:
                return view(request, *args, **kwargs)
            except errors.EXPECTED as error:
                return errors.expected(request, error, back=back)

        return cast("View[P]", answer)

    return decorate


def fresh(view: View[P]) -> View[P]:
    """Only for a session that proved who it is within the last 15 minutes; others are asked for the password first."""

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if accounts.signed_in_recently(request):
            return view(request, *args, **kwargs)
        # The press is not repeated by itself: a secret is shown only as the answer to a button that says so.
        is_page = request.path in {reverse("tokens"), reverse("away")}
        back = request.path if is_page else request.path.rsplit("/", 2)[0] + "/"
        return ask_again(request, back=back)

    return cast("View[P]", answer)


def ask_again(_request: HttpRequest, *, back: str) -> HttpResponse:
    """Off to the page that asks who it is once more, and leads back."""
    return SeeOther(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")


def me(request: HttpRequest) -> Person:
    """The person who is signed in. Only behind `portal_page`."""
    if not isinstance(request.user, Person):
        raise TypeError("A portal page was reached without signing in.")
    return request.user


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    return render(request, template, context, status=status)
