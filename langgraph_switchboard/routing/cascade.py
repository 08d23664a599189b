"""The cascade: rules, then the trained classifier, then a model, then a person.

    cascade = Cascade([STOLEN, THREAT, ask_the_crm], classifier, threshold=0.8)
    route = await cascade.route("My card was stolen")

The first stage that is sure decides; what the others thought is kept on the route. When
nobody is sure the route names no agent: a person decides, with the opinions before them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from langgraph_switchboard.errors import ConfigurationError, ModelError
from langgraph_switchboard.routing.decision import Judgement, Opinion, Route
from langgraph_switchboard.routing.rules import Rule, flags

Hook = Callable[[str], Awaitable[Route | None]]
"""A stage of one's own: a text in, a route out, or None to pass it on."""

UNFAMILIAR = 0.05
"""Below this familiarity a text is taken for one from another world."""


class Judge(Protocol):
    """What the cascade needs of a classifier."""

    def judge(self, text: str) -> Judgement:
        """The likeliest label and topic of a text, and how sure."""


class Cascade:
    """Routes a text by the first stage that is sure of it.

    Args:
        rules: Rules and hooks, asked in this order. What a hook returns stands as it is, so
            a hook measures its own confidence; a route without an agent sends to a person.
        classifier: The trained router; None to go from the rules straight to `ask`.
        ask: The last stage before a person, such as a model. Its route stands if it names an
            agent and its confidence reaches the threshold; a `ModelError` is kept as an opinion.
        threshold: Confidence in the label, 0 to 1, from which a stage may decide. 0.7 is
            customary and carries no promise; calibrate it on reviewed cases.
        unfamiliar: Familiarity below which the classifier may not decide, however confident:
            about this share of ordinary texts goes to a person for it. 0 turns it off.
        agents: The agent of a topic or of a label; what is not named is served by the agent
            of the label's own name. A topic's agent takes a case only if the topic itself
            reaches the threshold; else the label's agent does.

    Raises:
        ConfigurationError: If the threshold or `unfamiliar` is not between 0 and 1.
    """

    def __init__(
        self,
        rules: Sequence[Rule | Hook] = (),
        classifier: Judge | None = None,
        ask: Hook | None = None,
        *,
        threshold: float = 0.7,
        unfamiliar: float = UNFAMILIAR,
        agents: Mapping[str, str] | None = None,
    ) -> None:
        for name, value in (("threshold", threshold), ("unfamiliar", unfamiliar)):
            if not 0 <= value <= 1:
                raise ConfigurationError(
                    f"{name} is no share", where="Cascade", wanted="0 to 1", came=str(value)
                )
        self.rules = tuple(rules)
        self.classifier = classifier
        self.ask = ask
        self.threshold = threshold
        self.unfamiliar = unfamiliar
        self.agents = dict(agents or {})

    async def route(self, text: str) -> Route:
        """Say where this text goes; never raises for a text that nobody is sure of."""
        opinions: list[Opinion] = []
        decided = (
            await self._by_rules(text, opinions)
            or self._by_classifier(text, opinions)
            or await self._by_asking(text, opinions)
            or _to_a_person(opinions)
        )
        found = flags((rule for rule in self.rules if isinstance(rule, Rule)), text)
        every_flag = tuple(dict.fromkeys((*found, *decided.flags)))
        return decided.model_copy(update={"flags": every_flag, "opinions": tuple(opinions)})

    async def _by_rules(self, text: str, opinions: list[Opinion]) -> Route | None:
        for rule in self.rules:
            if not isinstance(rule, Rule):
                route = await rule(text)
                if route is not None:
                    opinions.append(_as_opinion(route))
                    return route
            elif rule.routes and rule.holds(text):
                opinions.append(rule.opinion(rule.agent or self._agent(rule.label, rule.topic)))
                return _as_route(opinions[-1])
        return None

    def _by_classifier(self, text: str, opinions: list[Opinion]) -> Route | None:
        if self.classifier is None:
            return None
        seen = self.classifier.judge(text)
        familiar = seen.familiarity >= self.unfamiliar
        topic = seen.topic if seen.topic_confidence >= self.threshold else None
        strange = "" if familiar else ", but it is unlike anything it was trained on"
        opinions.append(
            Opinion(
                by="classifier",
                agent=self._agent(seen.label, topic),
                label=seen.label,
                topic=seen.topic,
                confidence=seen.confidence,
                topic_confidence=seen.topic_confidence,
                reason=f"Reads like {seen.label} ({seen.confidence:.2f}), most of all "
                f"{seen.topic} ({seen.topic_confidence:.2f}){strange}."[:400],
            )
        )
        return _as_route(opinions[-1]) if familiar and seen.confidence >= self.threshold else None

    async def _by_asking(self, text: str, opinions: list[Opinion]) -> Route | None:
        if self.ask is None:
            return None
        try:
            route = await self.ask(text)
        except ModelError as error:
            reason = f"The model gave no usable answer: {error.problem}."[:400]
            opinions.append(Opinion(by="model", confidence=0.0, reason=reason))
            return None
        if route is None:
            return None
        opinions.append(_as_opinion(route))
        return route if route.agent and route.confidence >= self.threshold else None

    def _agent(self, label: str | None, topic: str | None) -> str | None:
        for name in (topic, label):
            if name in self.agents:
                return self.agents[name]
        return label


def _to_a_person(opinions: Sequence[Opinion]) -> Route:
    best = max(opinions, key=lambda opinion: opinion.confidence, default=None)
    if best is None:
        return Route(confidence=0.0, by="person", reason="No rule matched, and nobody else was asked.")
    reason = f"Nobody is sure. The best guess was the {best.by}'s: {best.reason}"[:400]
    return Route(
        label=best.label,
        topic=best.topic,
        confidence=best.confidence,
        topic_confidence=best.topic_confidence,
        by="person",
        reason=reason,
    )


def _as_route(opinion: Opinion) -> Route:
    return Route(**opinion.model_dump())


def _as_opinion(route: Route) -> Opinion:
    return Opinion(**route.model_dump(exclude={"flags", "opinions"}))
