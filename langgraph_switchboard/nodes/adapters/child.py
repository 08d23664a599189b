"""The process of `in_process`: reads contracts as JSON, calls one function, writes what it gave."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
import typing
from typing import Any

from langgraph_switchboard.contracts import Contract


def main(place: str) -> None:
    """Call the function at `module:name` with what stands on stdin.

    What it prints goes to stderr: stdout is for its result alone.
    """
    result_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module, _, name = place.partition(":")
    function: Any = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    function = inspect.unwrap(function)
    hints = typing.get_type_hints(function)
    given = json.load(sys.stdin)
    gave = function(**{key: _opened(hints[key], payload) for key, payload in given.items()})
    plain = gave.model_dump(mode="json") if isinstance(gave, Contract) else gave
    with os.fdopen(result_to, "w", encoding="utf-8") as out:
        json.dump(plain, out, allow_nan=False)


def _opened(kind: Any, payload: Any) -> Contract | None:
    kinds = [
        one for one in (kind, *typing.get_args(kind)) if isinstance(one, type) and issubclass(one, Contract)
    ]
    return None if payload is None else kinds[0].accept_stored(payload, by="in_process")


if __name__ == "__main__":
    main(sys.argv[1])
