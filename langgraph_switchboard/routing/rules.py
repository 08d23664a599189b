"""Rules: what a team knows for certain, before anything is learned.

    RULES = [
        Rule("stolen", r"\\bstolen\\b", because="A stolen card is a security matter",
             label="account", topic="lost_or_stolen_card", flag="high_stakes"),
        Rule("threat", is_a_threat, because="Threats are read by a person", flag="high_stakes"),
    ]

The first rule that matches and names a label or an agent routes. Flags are gathered from
every rule that matches, so that a mark such as `high_stakes` never depends on the order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.routing.decision import Opinion

Predicate = Callable[[str], bool]


@dataclass(frozen=True)
class Rule:
    """One thing that is known for certain.

    Args:
        name: Short name, shown to reviewers.
        when: A regular expression, searched for without regard to case, or a plain function
            that says whether the rule holds for a text.
        because: Why, as a sentence that a reviewer can read.
        label: The group that it routes to; None if it only flags.
        topic: The finest class, if it is known.
        agent: The agent, if it is not the one that serves the label or the topic.
        flag: A mark that the case carries on, such as `high_stakes`.
        confidence: How often the rule is right, 0 to 1; measure it, or leave it at 1.

    Raises:
        ConfigurationError: If the expression does not compile, the rule does nothing, or its
            confidence is not between 0 and 1.
    """

    name: str
    when: str | Predicate
    because: str
    label: str | None = None
    topic: str | None = None
    agent: str | None = None
    flag: str | None = None
    confidence: float = 1.0
    _holds: Predicate = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.routes or self.flag):
            raise ConfigurationError(
                "this rule does nothing",
                where=f"rule {self.name!r}",
                wanted="a label, an agent or a flag",
                came="a topic alone" if self.topic else "none of them",
                mend="Say where it routes to, or what it flags.",
            )
        if not 0 <= self.confidence <= 1:
            raise ConfigurationError(
                "its confidence is no share",
                where=f"rule {self.name!r}",
                wanted="0 to 1",
                came=str(self.confidence),
            )
        object.__setattr__(self, "_holds", self._compiled())

    @property
    def routes(self) -> bool:
        """Whether it names a destination; else it only flags."""
        return bool(self.label or self.agent)

    def holds(self, text: str) -> bool:
        """Whether the rule matches this text."""
        return self._holds(text)

    def opinion(self, agent: str | None) -> Opinion:
        """The rule's say, once it matched; `agent` is who serves its label."""
        return Opinion(
            by="rule",
            agent=agent,
            label=self.label,
            topic=self.topic,
            confidence=self.confidence,
            reason=f"Rule {self.name!r}: {self.because}"[:400],
        )

    def _compiled(self) -> Predicate:
        if callable(self.when):
            return self.when
        try:
            expression = re.compile(self.when, re.IGNORECASE)
        except re.error as error:
            raise ConfigurationError(
                f"the expression does not compile: {error}", where=f"rule {self.name!r}", came=self.when
            ) from error
        return lambda text: expression.search(text) is not None


def flags(rules: Iterable[Rule], text: str) -> tuple[str, ...]:
    """The flags of every rule that matches, each once, in the order of the rules."""
    return tuple(dict.fromkeys(rule.flag for rule in rules if rule.flag and rule.holds(text)))
