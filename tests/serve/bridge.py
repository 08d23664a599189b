"""A bridge between two releases: hypothesis-jsonschema asks `many.more()`, hypothesis 6.170 iterates instead.

Schemathesis makes up every object by it. Where the method is there again, nothing is added.
"""

from __future__ import annotations

from typing import Any

from hypothesis.internal.conjecture.utils import many


def _more(self: Any) -> bool:
    """Whether one more element is wanted, by the present protocol."""
    if self._depth is None:
        self.__enter__()
        self.walk = iter(self)
    if next(self.walk, self) is not self:
        return True
    self.__exit__(None)
    return False


if not hasattr(many, "more"):
    many.more = _more  # type: ignore[attr-defined]
