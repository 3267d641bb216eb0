"""Columns that several tables share the making of: a state that the table itself refuses to hold wrongly."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


def choices_of(kind: type[StrEnum]) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ")) for member in kind]


def one_of(field: str, kind: type[StrEnum], *, name: str, blank: bool = False) -> models.CheckConstraint:
    """A CHECK that repeats the domain's enum, so that no other writer can store what the domain does not know."""
    values = [member.value for member in kind] + ([""] if blank else [])
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)
