"""What goes over the wire: the arguments of a call, an answer, and a refusal in Slack's words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

Document = dict[str, Any]

_NESTED = ("blocks", "view", "attachments", "metadata")  # In a form these are strings of JSON.
_TRUE, _FALSE = ("true", "1"), ("false", "0", "")


class SlackError(Exception):
    """A refusal: Slack says it with HTTP 200 and `ok: false` ("Evaluating responses" in its docs of the Web API)."""

    def __init__(self, code: str, *, messages: Sequence[str] = (), retry_after: int = 0, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.more = more
        self.messages = messages

    def body(self) -> Document:
        body: Document = {"ok": False, "error": self.code, **self.more}
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
            body["errors"] = list(self.messages)
        return body


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: JSON, or a text of its own kind."""

    body: Any = None
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    content: bytes | None = None

    def raw(self) -> bytes:
        if self.content is not None:
            return self.content
        if self.text is not None:
            return self.text.encode()
        return b"" if self.body is None else json.dumps(self.body).encode()


def refused(error: SlackError) -> Answer:
    """429 is the one refusal that has a status and a header of its own."""
    if error.retry_after:
        headers = {"Retry-After": str(error.retry_after)}
        return Answer(body=error.body(), status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)
    return Answer(body=error.body())


def arguments_of(*, query: str, content: bytes, content_type: str) -> Document:
    """The arguments of a call, from its query and its body, a form or JSON.

    :raises SlackError: the body is not what it says it is.
    """
    said: Document = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    try:
        if content_type.startswith("application/json"):
            body = json.loads(content or b"{}")
            if not isinstance(body, dict):
                raise SlackError("json_not_object")
            said |= body
        else:
            form = parse_qs(content.decode(), keep_blank_values=True)
            said |= {name: values[-1] for name, values in form.items()}
    except UnicodeDecodeError as error:
        raise SlackError("invalid_charset") from error
    except ValueError as error:
        raise SlackError("invalid_json") from error
    return {name: _nested(value) if name in _NESTED else value for name, value in said.items() if value is not None}


def _nested(value: Any) -> Any:
    """Text that is no JSON stays as it is, for whoever checks it to refuse."""
    if isinstance(value, str) and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def text_of(arguments: Mapping[str, Any], name: str) -> str:
    """A text that may be left out."""
    value = arguments.get(name, "")
    return value if isinstance(value, str) else str(value)


def is_true(arguments: Mapping[str, Any], name: str) -> bool:
    """:raises SlackError: it is neither yes nor no."""
    value = arguments.get(name, False)
    said = value if isinstance(value, bool) else str(value).lower()
    if said in (True, *_TRUE):
        return True
    if said in (False, *_FALSE):
        return False
    raise SlackError("invalid_arguments", messages=[f"{name} has to be a boolean"])
