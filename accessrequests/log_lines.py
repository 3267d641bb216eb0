"""How the product writes its log: one JSON object a line, on standard error, each with the id of the request it is about."""

from __future__ import annotations

import re
import uuid
from typing import Any

import structlog

# What a proxy may name a request: nothing that a log, a header or a page could take for anything else.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def request_id() -> str:
    """The id of the request that is being answered, or that led to the message being carried; empty outside of both."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def request_id_from(sent: str) -> str:
    """The id that somebody before us gave to a request, if it is a plain one; else one of our own."""
    return sent if _SAFE.fullmatch(sent) else str(uuid.uuid4())


def configure(level: str) -> dict[str, Any]:
    """Tell structlog how lines are written; what comes back is Django's LOGGING, which says the same."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processor": structlog.processors.JSONRenderer(),
                "foreign_pre_chain": [
                    structlog.contextvars.merge_contextvars,
                    structlog.processors.TimeStamper(fmt="iso"),
                    structlog.stdlib.add_logger_name,
                    structlog.stdlib.add_log_level,
                    structlog.processors.format_exc_info,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Celery sets the level of the root to its own, which is a warning.
            "accessrequests": {"level": level},
            "workers": {"level": level},
            # Statement logs would carry bound parameters; nothing below a warning is wanted from the drivers.
            "django.db.backends": {"level": "WARNING"},
            "pymongo": {"level": "WARNING"},
            # Says the whole address of every call, with the names and addresses of people in it.
            "httpx2": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
        },
    }
