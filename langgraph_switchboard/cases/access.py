"""Access: who somebody is, what they may do, and which reviews they may decide. No web in it.

Who may decide is said here, once, for every door: the API, the inbox, the terminal and a
LangGraph server ask `refusal` and abide by its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from langgraph_switchboard.errors import ConfigurationError

Role = Literal["viewer", "reviewer", "operator", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
Right = Literal["read", "decide", "start", "operate", "manage"]
"""read: look at cases; decide: answer reviews; start: hand cases in; operate: resume, redrive, cancel;
manage: keys and who is told of events."""

_RIGHTS: Mapping[Role, frozenset[Right]] = {
    "viewer": frozenset({"read"}),
    "reviewer": frozenset({"read", "decide"}),
    "operator": frozenset({"read", "start", "operate"}),
    "auditor": frozenset({"read"}),
    "admin": frozenset({"read", "manage"}),
}
NEVER_DECIDE: frozenset[Role] = frozenset({"operator", "admin"})
"""Who runs cases or hands out rights decides nothing, whatever other role they hold."""
RISKS = ("low", "medium", "high")
REQUESTER = "requester"
"""Label of a case: who asked for it. That person does not decide its reviews."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which reviews somebody may decide; what is not said is not bounded.

    Args:
        flows: Only these flows.
        kinds: Only reviews of these kinds; the kind of a review is the name of its step, unless it says.
        risk: No review of a higher risk.
        amount: No review in which more money is at stake.
    """

    flows: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    risk: str = "high"
    amount: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The scope as plain data; bounds that are not set are left out."""
        said = {
            "flows": sorted(self.flows) if self.flows is not None else None,
            "kinds": sorted(self.kinds) if self.kinds is not None else None,
            "risk": None if self.risk == "high" else self.risk,
            "amount": self.amount,
        }
        return {name: value for name, value in said.items() if value is not None}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """The scope that plain data says, as `as_json` gives it.

        Raises:
            ConfigurationError: It says something else.
        """
        unknown = said.keys() - {"flows", "kinds", "risk", "amount"}
        risk, amount = said.get("risk", "high"), said.get("amount")
        lists = [said.get(name) for name in ("flows", "kinds")]
        fits = all(one is None or isinstance(one, list | tuple) for one in lists)
        if unknown or risk not in RISKS or not fits or not isinstance(amount, int | float | None):
            raise ConfigurationError(
                "this is no scope",
                wanted=f"flows and kinds as lists, risk as one of {', '.join(RISKS)}, amount as a number",
                came=", ".join(sorted(map(str, said))),
            )
        flows, kinds = (None if one is None else frozenset(map(str, one)) for one in lists)
        return cls(flows, kinds, risk, None if amount is None else float(amount))


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks for something, as the authenticator named them; never as a request says.

    Args:
        name: Who it is.
        roles: What they are.
        scope: Which reviews they may decide.
        is_local: The user of this machine, at the terminal or at a server without keys: nobody
            has to let him in, and no role bounds him.
        key_id: The key that vouched for them, if one did.
    """

    name: str
    roles: frozenset[Role] = frozenset()
    scope: Scope = field(default_factory=Scope)
    is_local: bool = False
    key_id: str | None = None

    @classmethod
    def local(cls, name: str) -> Self:
        """The user of this machine."""
        return cls(name, is_local=True)

    def may(self, right: Right) -> bool:
        """Whether one of the roles has this right."""
        if self.is_local:
            return True
        if right == "decide" and self.roles & NEVER_DECIDE:
            return False
        return any(right in _RIGHTS[role] for role in self.roles)

    @property
    def sees_redacted(self) -> bool:
        """Whether personal data is taken out of what they read: an auditor needs none of it."""
        return not self.is_local and self.roles == {"auditor"}


@dataclass(frozen=True, slots=True)
class Matter:
    """What is to be decided, as far as it says who may.

    Args:
        flow: The flow of the case.
        kind: What sort of review it is.
        risk: How much harm a wrong decision does.
        amount: Money at stake, if any.
        requester: Who handed the case in, if somebody of a name did.
        agents: The agents of the flow; none of them decides on its own work.
    """

    flow: str
    kind: str
    risk: str = "medium"
    amount: float | None = None
    requester: str | None = None
    agents: frozenset[str] = frozenset()


def refusal(actor: Actor, matter: Matter) -> str | None:
    """Why somebody may not decide this; None if they may.

    Args:
        actor: Who wants to.
        matter: What is to be decided.
    """
    name, scope = actor.name, actor.scope
    if matter.requester == name:
        return f"{name} handed this case in and may not decide it"
    if name in matter.agents:
        return f"{name} is an agent of this flow and may not decide on its work"
    if actor.is_local:
        return None
    if held := actor.roles & NEVER_DECIDE:
        return f"{name} is {_listed(held)}, who never decides"
    if not actor.may("decide"):
        return f"{name} is {_listed(actor.roles)}, who may read and not decide"
    if scope.flows is not None and matter.flow not in scope.flows:
        return f"{name} decides nothing of the flow {matter.flow!r}"
    if scope.kinds is not None and matter.kind not in scope.kinds:
        return f"{name} decides no review of the kind {matter.kind!r}"
    if RISKS.index(matter.risk) > RISKS.index(scope.risk):
        return f"{name} decides nothing above {scope.risk} risk, and this is {matter.risk}"
    if scope.amount is not None and matter.amount is not None and matter.amount > scope.amount:
        return f"{name} decides on amounts up to {scope.amount:,.2f}, and this is more"
    return None


def roles_of(names: Iterable[str]) -> frozenset[Role]:
    """Roles by name.

    Raises:
        ConfigurationError: One is unknown, none is given, or they exclude each other.
    """
    roles = frozenset(role for role in ROLES if role in (wanted := set(names)))
    if not roles or wanted - set(ROLES):
        raise ConfigurationError(
            "there is no such role" if wanted - set(ROLES) else "no role is given",
            wanted=f"one or more of {', '.join(ROLES)}",
            came=", ".join(sorted(wanted - set(ROLES))),
        )
    if "reviewer" in roles and roles & NEVER_DECIDE:
        raise ConfigurationError(
            "operators and admins never decide, so they are no reviewers",
            came=", ".join(sorted(roles)),
            mend="Make two keys, for two people.",
        )
    return roles


def _listed(roles: Iterable[str]) -> str:
    named = " and ".join(sorted(roles))
    return f"an {named}" if named[:1] in "aeiou" and named else f"a {named}" if named else "nobody"
