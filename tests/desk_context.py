"""A context for the desk's agents without a graph, a database or a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.knowledge import Article, Hit, MemoryKnowledge
from langgraph_switchboard.models import Answerer, Question
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.window import Heard, History

Row = dict[str, Any]


class FakeContext:
    """What the desk's agents use of a StepContext, over plain lists.

    Args:
        articles: The help centre.
        tables: The rows under each named query; a row is given to the customer or plan it names.
        answer: What a model would say; None lets the answerer speak.
    """

    def __init__(
        self,
        articles: tuple[Article, ...] = (),
        tables: Mapping[str, list[Row]] | None = None,
        answer: Contract | None = None,
    ) -> None:
        self._knowledge = MemoryKnowledge(articles)
        self._tables = tables or {}
        self._answer = answer
        self.asked: list[Question[Any]] = []
        self.read: list[str] = []
        self.sent: dict[str, Mapping[str, Any]] = {}
        self.notes: Row = {}
        self.judged: list[Row] = []
        self.said: dict[str, tuple[str, str]] = {}

    @property
    def ctx(self) -> StepContext:
        """Itself, under the type that agents name."""
        return cast(StepContext, self)

    async def ask(
        self, contract: type[Contract], prompt: str, *, facts: Row, answerer: Answerer[Any]
    ) -> Contract:
        question = Question(contract, prompt, facts)
        self.asked.append(question)
        return self._answer or cast(Contract, await answerer(question))

    async def search(self, text: str, k: int = 5) -> list[Hit]:
        return await self._knowledge.search(text, k)

    async def article(self, article_id: str) -> Article | None:
        return await self._knowledge.article(article_id)

    async def rows(self, name: str, /, **params: object) -> list[Row]:
        self.read.append(name)
        if name == "file_of":
            return self._file(str(params["customer"]))
        return [row for row in self._tables.get(name, []) if all(row[key] == params[key] for key in params)]

    def _file(self, customer: str) -> list[Row]:
        of = {"account": "account"}
        of |= {part: f"{part}s_of" for part in ("card", "charge", "transaction")}
        parts = {
            part: [row for row in self._tables.get(name, []) if row["customer"] == customer]
            for part, name in of.items()
        }
        plans = {row["plan"] for row in parts["account"]}
        parts["plan"] = [row for row in self._tables.get("plan_limits", []) if row["plan"] in plans]
        return [{"part": part, "row": row} for part, rows in parts.items() for row in rows]

    async def confidence(self, answer: Contract, *, said: float, **judged: Any) -> float:
        self.judged.append(judged)
        return said

    def say(self, role: str, text: str, *, key: str = "") -> None:
        self.said.setdefault(key, (role, text))

    async def history(self, last: int = 20) -> History:
        heard = [Heard(role, text) for role, text in self.said.values()]
        return History(tuple(heard[-last:]), "", len(heard))

    def outbox(self, key: str, row: Mapping[str, Any]) -> str:
        self.sent[key] = row
        return f"case-1/{key}"

    def note(self, **facts: Any) -> None:
        self.notes.update(facts)
