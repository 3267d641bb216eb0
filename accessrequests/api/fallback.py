"""What is answered under /api/ where no endpoint answers."""

from __future__ import annotations

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accessrequests.api.problems import NOTHING_HERE, Problem, plain_answer, problem_of


@csrf_exempt
def nothing_here(_request: HttpRequest, *_parts: Any, **_names: Any) -> HttpResponse:
    return plain_answer(Problem("not_found", NOTHING_HERE))


def bad_request(_request: HttpRequest, _exception: Exception) -> HttpResponse:
    return plain_answer(Problem("malformed", "The call cannot be read. Check its address and its headers."))


def server_error(_request: HttpRequest) -> HttpResponse:
    return plain_answer(problem_of(sys.exc_info()[1]))
