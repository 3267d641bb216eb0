"""What a user or a group may be called, wherever the name comes from: a form, a file, or the company's directory."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
