"""Said: what an author said of a blueprint, call by call, so that it can be written down again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Said:
    """One declaration.

    Args:
        verb: The method that was called.
        arguments: What it was given, by parameter; what was left out is not there.
    """

    verb: str
    arguments: Mapping[str, Any]


class Speaker(Protocol):
    """What keeps declarations."""

    said: list[Said]


S = TypeVar("S", bound=Speaker)
P = ParamSpec("P")


def declares(method: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Mark a method as a declaration: what it was given is kept in `said`, once it has been accepted.

    A declaration that makes others on its way is one declaration.

    Args:
        method: A method whose parameters say all there is to say.
    """
    signature = inspect.signature(method)

    @wraps(method)
    def declare(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        bound = signature.bind(self, *args, **kwargs)
        for name, value in bound.arguments.items():
            if isinstance(value, Iterator):  # it can be read once, and is needed twice
                bound.arguments[name] = tuple(value)
        # What the author does to a list of theirs later was not said here.
        given = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in bound.arguments.items()
        }
        given.update(given.pop("options", {}))
        del given["self"]
        before = len(self.said)
        method(*bound.args, **bound.kwargs)
        self.said[before:] = [Said(method.__name__, given)]

    return declare
