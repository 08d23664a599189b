"""StepContext: what an agent is handed besides its contracts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig

from langgraph_switchboard.cases import (
    EffectKey,
    InOurDatabase,
    MessageRole,
    MessageRow,
    OutboxRow,
    as_values,
)
from langgraph_switchboard.checkpoints import EPOCH
from langgraph_switchboard.contracts import Contract, digest_of, plain_problem
from langgraph_switchboard.errors import (
    BudgetExceeded,
    ConfigurationError,
    EffectInDoubt,
    ModelError,
    StepFailed,
)
from langgraph_switchboard.knowledge import Article, Hit, Knowledge, grounding
from langgraph_switchboard.ledger import Entry, Event, Row, TaskKey
from langgraph_switchboard.limits import Budget
from langgraph_switchboard.models import Answer, Answerer, OnText, Question, Tool
from langgraph_switchboard.nodes.confidence import Confidence, Validator, past_approval, validated
from langgraph_switchboard.nodes.questions import Unanswered, ask_within_limits, unanswered
from langgraph_switchboard.nodes.scope import Place
from langgraph_switchboard.nodes.services import Services, Tables
from langgraph_switchboard.nodes.spec import FlowInfo
from langgraph_switchboard.nodes.summary import SUMMARISE, Summary, pick_sentences
from langgraph_switchboard.nodes.window import History, look

C = TypeVar("C", bound=Contract)

ToTheWorld = Callable[[str], Awaitable[Any]]
"""An effect outside: it gets the idempotency key, and gives something JSON-plain."""


@dataclass
class StepContext:
    """One step's view of the world: ask, search, look up, and (in effects) act.

    Args:
        services: The real things; agents use the verbs below instead.
        flow: The blueprint that the step belongs to.
        task: This run of the step, in LangGraph's terms.
        step: The name of the step.
        visit: How often this case has come to this step, from 1.
        may_act: Whether the step is an effect.
        config: LangGraph's config of this run, for graphs and runnables used as steps.
        attempt: Which attempt at the step this is, from 1; a crash does not start it anew.
        attempts: How many there are at most.
        tools: What the blueprint lets a model call in this step.
        sees: How many of the last messages of the conversation its agent sees.
        timeout: Seconds that the step has for one attempt; None sets no bound.
        again: Whether this run of the step may not be its first: its checkpoint was there before.
        budget: What may be spent in this step.
        place: Where in the process it runs, in the state of the case.
    """

    services: Services
    flow: FlowInfo
    task: TaskKey
    step: str
    visit: int
    may_act: bool = False
    config: RunnableConfig = field(default_factory=RunnableConfig)
    attempt: int = 1
    attempts: int = 1
    tools: tuple[Tool, ...] = ()
    sees: int = 20
    timeout: float | None = None
    again: bool = False
    budget: Budget | None = None
    breach: BudgetExceeded | None = None
    """Why a person is to go on: what the step gives is a draft, made without the model."""
    place: Place = field(default_factory=Place)
    entries: list[Entry] = field(default_factory=list)
    answers: list[Answer[Any]] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)
    """Questions that a model failed to answer; they may have cost something."""
    notes: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, Any] | None = None
    """Why the attempt before this one failed; None at the first."""
    hooks: list[dict[str, Any]] = field(default_factory=list)
    """The hooks that ran, for the step's event."""
    timers: int = 0
    """How many timers this run of the step has come to."""
    visits_inside: dict[str, int] = field(default_factory=dict)
    """Visits of the steps inside it, where it includes a blueprint."""

    @property
    def case_id(self) -> str:
        """The case; also the LangGraph thread id."""
        return self.task.case_id

    @property
    def item(self) -> int | None:
        """Within a map: the number of the item that the step does, from 0; good in keys of effects."""
        return self.place.items[-1] if self.place.items else None

    @property
    def is_last_attempt(self) -> bool:
        """Whether nobody tries again after this attempt."""
        return self.attempt >= self.attempts

    def now(self) -> datetime:
        """The present moment by the switchboard's clock; aware, UTC."""
        return self.services.clock()

    async def ask(
        self,
        contract: type[C],
        prompt: str,
        *,
        facts: Mapping[str, Any] | None = None,
        answerer: Answerer[C] | None = None,
        tools: Sequence[Tool] = (),
        on_text: OnText | None = None,
        insist: bool = True,
    ) -> C:
        """Ask a model for a contract; without a model, or when it fails, the answerer gives it.

        A failure that may pass is raised, so that the step is tried again; the answerer steps in on the
        step's last attempt, or where trying again cannot help.

        Args:
            contract: What the answer must be.
            prompt: The instructions, without the data.
            facts: The data, JSON-plain: what the answer may rest on.
            answerer: Plain code that gives the same contract from the same facts.
            tools: What a model may call while it answers; some of those that the blueprint lets the step use.
            on_text: Gets the answer piece by piece while a model writes it, before it is checked.
            insist: False lets the answerer step in at the first failure, where a model's answer is not
                worth another attempt at the step.

        Raises:
            ModelError: There is no usable answer, and no answerer, or another attempt is left.
            LimitMet: The model may not be asked just now, in the same cases.
            ConfigurationError: A tool is not among those of the step.
        """
        self._must_have(tools)
        question = Question(
            contract, prompt, dict(facts or {}), case=self.case_id, step=self.step, tools=tuple(tools),
            on_text=on_text, again=insist and not self.is_last_attempt,
        )  # fmt: skip
        try:
            answer = await ask_within_limits(question, answerer, self)
        except ModelError as error:
            self.unanswered.append(unanswered(error, self))
            raise
        self.answers.append(answer)
        return answer.value

    async def confidence(
        self,
        answer: Contract,
        *,
        said: float,
        claims: str,
        sources: Sequence[str],
        validators: Sequence[Validator] = (),
    ) -> float:
        """How sure we may be of the last answer: of a model's never by its own word alone.

        What plain code answers keeps the figure that it came with. A model's is weighed with what its
        sources hold, with the author's own validators, and with how often people approved what this
        step gave before; `nodes.confidence` has the formula, and the ledger its parts.

        Args:
            answer: What was given; the validators look at it.
            said: Its own figure, from 0 to 1.
            claims: What it says in words, to be held by its sources.
            sources: The texts that it names as what it rests on, and no others.
            validators: Plain functions of the answer that give how far it may be trusted, from 0 to 1.
        """
        if not self.answers or self.answers[-1].by != "model":
            return said
        found = grounding(claims, sources)
        least, broken = validated(answer, validators)
        rate = await past_approval(self.services.store, self.flow.name, self.step, self.now())
        sure = Confidence(said, found.score, least, rate, broken, len(found.unheld))
        self.note(confidence_parts=sure.facts())
        return sure.value

    async def search(self, text: str, k: int = 5) -> list[Hit]:
        """The `k` help articles that fit `text` best, best first."""
        return await (await self._knowledge()).search(text, k)

    async def article(self, article_id: str) -> Article | None:
        """One help article by its id, or None."""
        return await (await self._knowledge()).article(article_id)

    async def rows(self, name: str, /, **params: object) -> list[dict[str, Any]]:
        """The rows of a named query of the flow's tables, read by a login that cannot write."""
        return await (await self._tables()).rows(name, **params)

    def say(self, role: MessageRole, text: str, *, key: str = "") -> None:
        """Add a message to the conversation of the case; it leaves in the step's own commit.

        Args:
            role: Who said it.
            text: What was said, whole.
            key: Unique within the case, so that the same message is kept once however often it is
                said; unless given, the step, the visit, and the message's place among those of the step.
        """
        self._record_message(role, text, key)

    async def history(self, last: int | None = None) -> History:
        """The conversation as the agent may see it: the last messages, and a summary of those before.

        What it gives is bounded, however long the conversation is. The summary is brought up to date
        here, by a model where there is one and else by picking sentences, and kept with the step.

        Args:
            last: How many messages; what the blueprint says of the step unless given.
        """
        sees = self.sees if last is None else last
        kept = await self.services.store.conversation(self.case_id, last=sees)
        said = [row for row in self._said() if row.role != "summary"]
        window = await look(kept, said, sees, self._summarise)
        if window.is_new:
            self._record_message("summary", window.history.summary, f"summary/{window.covers}", window.covers)
        return window.history

    async def _summarise(self, summary: str, messages: list[dict[str, str]]) -> str:
        facts = {"summary": summary, "messages": messages}
        return (await self.ask(Summary, SUMMARISE, facts=facts, answerer=pick_sentences, insist=False)).text

    def _record_message(self, role: MessageRole, text: str, key: str, covers: int = 0) -> None:
        ordinal = sum(isinstance(one, Row) and one.table == "messages" for one in self.entries)
        key = key or f"{self.step}/{self.visit}/{ordinal}"
        row = MessageRow(self.case_id, key, role, text, self.step, self.now(), ordinal, covers)
        self.entries.append(Row("messages", as_values(row)))

    def _said(self) -> list[MessageRow]:
        rows = (one for one in self.entries if isinstance(one, Row) and one.table == "messages")
        return [MessageRow(**row.values) for row in rows]

    def outbox(self, key: str, row: Mapping[str, Any]) -> str:
        """Put `row` into the outbox once; it leaves in the step's own commit.

        Args:
            key: The business key, unique within the case: `reply`, `refund:CH-20311`.
            row: What is to be sent; JSON-plain.

        Returns:
            The key under which a sender finds it: `case_id/key`.

        Raises:
            StepFailed: The step is no effect, or the row is not JSON-plain.
            EffectConflict: (when the step settles) the key is there with another row.
        """
        self._must_be_effect()
        plain = dict(row)
        problem = plain_problem(plain, "row")
        if problem:
            raise StepFailed(f"the outbox row {problem['at']} {problem['says']}", where=self.step)
        values = as_values(
            OutboxRow(self.case_id, key, self.step, plain, digest_of(plain), created_at=self.now())
        )
        self.entries.append(Row("outbox", values))
        self._record(key, "outbox")
        return f"{self.case_id}/{key}"

    async def effect(self, key: str, do: InOurDatabase, *, args: Mapping[str, Any] | None = None) -> Any:
        """Do something in our own Postgres, once.

        `do` works, the record is written, and ownership of the case is checked, all in one
        transaction: it happened and is recorded, or neither.

        Args:
            key: The business key.
            do: Gets the transaction's connection; what it returns must be JSON-plain.
            args: What it is done with; kept as a digest.

        Returns:
            What `do` gave, now or when it was done.

        Raises:
            EffectConflict: The key stands with other arguments.
            Superseded: Somebody else owns the case by now; nothing was done.
        """
        result = await self.services.effects.once(self._key(key, args), do)
        self._record(key, "effect")
        return result

    async def external(
        self,
        key: str,
        call: ToTheWorld,
        *,
        args: Mapping[str, Any] | None = None,
        idempotent: bool = False,
    ) -> Any:
        """Do something in the outside world: at least once, under one key.

        The intent is recorded, the call is made with the idempotency key, the result is
        recorded. A crash in between leaves a doubt: an idempotent call is made again with the
        same key, for any other a person is asked whether it happened.

        Args:
            key: The business key.
            call: Gets the idempotency key `case_id/key`; what it returns must be JSON-plain.
            args: What it is done with; kept as a digest.
            idempotent: The other side does nothing the second time it sees the key.

        Raises:
            EffectInDoubt: (asks the person) Nobody knows whether it happened.
            EffectConflict: The key stands with other arguments.
            Superseded: Somebody else owns the case by now; nothing was done.
        """
        effect = self._key(key, args)
        standing = await self.services.effects.begin(effect)
        if standing.is_done:
            self._record(key, "external")
            return standing.result
        if not standing.is_new and not idempotent:
            raise EffectInDoubt(effect, key=key, where=self.step)
        result = await call(f"{self.case_id}/{key}")
        await self.services.effects.finish(effect, result)
        self._record(key, "external")
        return result

    def _key(self, key: str, args: Mapping[str, Any] | None) -> EffectKey:
        self._must_be_effect()
        epoch = self.config.get("configurable", {}).get(EPOCH)
        return EffectKey(self.case_id, key, self.step, digest_of(dict(args or {})), epoch)

    def _record(self, key: str, form: str) -> None:
        told = {"key": key, "form": form}
        self.entries.append(Event("effect_recorded", self.step, self.now(), told))

    def note(self, **facts: Any) -> None:
        """Put facts beside the step's event in the ledger; JSON-plain, no personal data."""
        self.notes.update(facts)

    def spent(self) -> dict[str, Any]:
        """Who answered this step's questions, and what that cost; empty where nothing was asked."""
        if not (self.answers or self.unanswered):
            return {}
        last = self.answers[-1] if self.answers else None
        billed: list[Answer[Any] | Unanswered] = [*self.answers, *self.unanswered]
        costs = [one.cost_usd for one in billed]
        counted = all(one.usage.is_known for one in billed)
        told = {
            "answered_by": last and last.by,
            "model": (last and last.model) or next((one.model for one in self.unanswered), None),
            "fallback_reason": last and last.fallback_reason,
            "input_tokens": sum(one.usage.input_tokens for one in billed) if counted else None,
            "output_tokens": sum(one.usage.output_tokens for one in billed) if counted else None,
            # One unknown price makes the sum unknown; it is never taken for nothing.
            "cost_usd": None if None in costs else sum(cost for cost in costs if cost is not None),
            "told_model": next((answer.told for answer in self.answers if answer.told), None),
            "tools": [call.tool for answer in self.answers for call in answer.tool_calls] or None,
        }
        return {key: value for key, value in told.items() if value is not None}

    def _must_have(self, tools: Sequence[Tool]) -> None:
        foreign = [tool.name for tool in tools if tool not in self.tools]
        if foreign:
            raise ConfigurationError(
                f"the step {self.step!r} may not use the tool {foreign[0]!r}",
                where=self.step,
                wanted=f"one of {', '.join(tool.name for tool in self.tools)}" if self.tools else "no tool",
                mend="Name it in the blueprint: desk.step(..., tools=[...]).",
            )

    def _must_be_effect(self) -> None:
        if not self.may_act:
            raise StepFailed(
                f"the step {self.step!r} is no effect and may not act on the world",
                where=self.step,
                mend="Declare it with `blueprint.effect(...)`, so that everybody sees that it acts.",
            )

    async def _knowledge(self) -> Knowledge:
        if self.flow.knowledge is None:
            raise ConfigurationError(
                f"the blueprint {self.flow.name!r} has no help articles to search",
                where=self.step,
                mend="Name the folder's package: Blueprint(..., knowledge='nodes.knowledge').",
            )
        return await self.services.resources.knowledge(self.flow.knowledge)

    async def _tables(self) -> Tables:
        if self.flow.tables is None:
            raise ConfigurationError(
                f"the blueprint {self.flow.name!r} has no tables to read",
                where=self.step,
                mend="Name the folder's package: Blueprint(..., tables='nodes.data').",
            )
        return await self.services.resources.tables(self.flow.tables)


async def settle(ctx: StepContext) -> None:
    """Let everything that the step has said so far leave together."""
    ctx.services.journal.attach(ctx.task, ctx.entries)
    await ctx.services.journal.settle(ctx.task)
