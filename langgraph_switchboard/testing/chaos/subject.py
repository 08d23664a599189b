"""What is swept: something that drives a case to its end, however often it is broken off."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.postgres import ConnectionClass

ENDS = ("finished", "declined", "dead_lettered")


@dataclass(frozen=True, slots=True)
class Facts:
    """How a case stands; what no crash may change.

    Args:
        status: Its status.
        outcome: The outcome in its state.
        rest: Everything else that is compared with the undisturbed run, JSON-plain.
        effects: Keys of the effects that the database knows of, each as often as it stands there.
        disagree: Where ledger and state tell different things.
        rungs: Failures that did not end on their declared rung.
    """

    status: str
    outcome: str | None
    rest: dict[str, Any] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    disagree: list[str] = field(default_factory=list)
    rungs: list[str] = field(default_factory=list)


class Bench(Protocol):
    """An open subject, in the process that is going to be killed."""

    waited: float
    """Seconds that it waited for the case, because a dead process still owned it."""

    async def drive(self, case_id: str) -> None:
        """Begin the case, or go on with it, until it ends; people answer at once."""

    async def facts(self, case_id: str) -> Facts:
        """How the case stands."""


class Subject(Protocol):
    """What is swept. It is made anew in every process, from its name and plain arguments."""

    ledger: bool
    """Whether ledger and state are to agree at every moment."""

    def open(self, dsn: str, connection_class: ConnectionClass) -> AbstractAsyncContextManager[Bench]:
        """Open it on a database, by connections of this class."""


def load_subject(reference: str, args: dict[str, Any]) -> Subject:
    """Call the factory that `"module:name"` names.

    Raises:
        ConfigurationError: There is no such factory.
    """
    module, _, name = reference.partition(":")
    factory = getattr(import_module(module), name, None)
    if factory is None:
        raise ConfigurationError(f"{reference!r} names nothing to sweep", wanted="module:factory")
    subject: Subject = factory(**args)
    return subject
