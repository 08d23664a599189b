"""Operations: each call of the API, described once; route and OpenAPI both come from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Route

from langgraph_switchboard.cases.access import Right
from langgraph_switchboard.serve.guard import Handler, route

CASE = "case_id"
_VERBS = "|".join(("story", "state", "resume", "cancel"))
"""What may follow the id of a case in a path."""


class _CaseId(Convertor[str]):
    """The id of a case at the end of a path: whatever is there, unless it ends in a verb."""

    regex = rf"(?!.*/(?:{_VERBS})$).+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("case", _CaseId())


@dataclass(frozen=True)
class Operation:
    """One call of the API.

    Args:
        method: Its method.
        path: Its path, with `{names}`.
        handler: Answers it; the first line of its docstring is the summary.
        right: What one needs to call it; None lets everybody.
        query: What may be asked in the query.
        headers: Headers that it reads: name to description.
        body: What is sent as JSON; None means that nothing is.
        answers: What it answers: status to model, or to a media type for what is no JSON.
        problems: Statuses of the problems that it answers besides those that every call may.
        tag: The part of the API that it belongs to.
    """

    method: str
    path: str
    handler: Handler
    right: Right | None = "read"
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel] | str] = field(default_factory=dict)
    problems: Sequence[int] = ()
    tag: str = "cases"

    @property
    def name(self) -> str:
        """Its id in the OpenAPI document."""
        return getattr(self.handler, "__name__", self.path)

    @property
    def described(self) -> tuple[str, str]:
        """Summary and description, from the handler's docstring; what it raises is said by `problems`."""
        text = (self.handler.__doc__ or "").strip()
        summary, _, more = text.partition("\n\n")
        return " ".join(summary.split()), " ".join(more.partition("Raises:")[0].split())

    def route(self) -> Route:
        """The guarded route that answers it."""
        # The id of a case may have slashes in it, as `batch/4711` has.
        whole = f"{{{CASE}}}"
        kind = f"{{{CASE}:{'case' if self.path.endswith(whole) else 'path'}}}"
        path = self.path.replace(whole, kind)
        return route(path, self.handler, methods=(self.method,), right=self.right)

    def parameters(self) -> Mapping[str, Any]:
        """The names in its path."""
        return {part[1:-1]: part for part in self.path.split("/") if part.startswith("{")}
