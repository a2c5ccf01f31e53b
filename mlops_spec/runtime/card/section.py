"""A part of the card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """`name` is its anchor, `lead` a sentence beside the title, `body` finished HTML."""

    name: str
    title: str
    lead: str
    body: str
