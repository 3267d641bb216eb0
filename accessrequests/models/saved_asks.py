"""Asks that people keep for the next time, each under a name of their own."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests.models.access_requests import AccessRequest
from accessrequests.models.people import Person


class SavedAsk(models.Model):
    """A request of the person's own, to be asked again. It gives nobody anything: asking is judged anew."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="saved_asks")
    name = models.CharField(max_length=80)
    access_request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "name"], name="saved_ask_once_a_name"),
        ]

    def __str__(self) -> str:
        return f"saved ask {self.pk} of {self.person_id}"
