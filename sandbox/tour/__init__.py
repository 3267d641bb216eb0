"""The tour: the product's whole story, told over its public interfaces while it happens on real servers."""

from __future__ import annotations

from sandbox.tour.narrator import TourFailed
from sandbox.tour.walk import Tour

__all__ = ["Tour", "TourFailed"]
