"""What the pages share: the words of a query, and how long a decision can be taken back."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request

GRACE = timedelta(seconds=10)
"""How long a decision made on a page can be taken back, where nobody says otherwise."""


def said_text(request: Request, name: str) -> str:
    """A word of the query, as far as anything can be called so; what cannot be is left out."""
    text = request.query_params.get(name, "").strip()[:200]
    return text if text.isprintable() and not any("\ud800" <= one <= "\udfff" for one in text) else ""
