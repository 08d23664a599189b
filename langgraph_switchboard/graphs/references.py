"""References: code that is named in text as `"module:name"`, both ways."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
import sys
from types import ModuleType
from typing import Any

from langgraph_switchboard.errors import BlueprintError

PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
"""What a reference looks like."""
WANTED = "module:name, such as nodes.support:billing"


def resolve(reference: str) -> object:
    """What a reference names; its module is imported.

    Raises:
        BlueprintError: It is no reference, or there is no such module or name.
    """
    if not re.match(PATTERN, reference):
        raise BlueprintError(
            f"{reference!r} names no code",
            wanted=WANTED,
            mend="There is no language of expressions: write a function, and name it.",
        )
    module_name, _, names = reference.partition(":")
    found: Any = _module(module_name)
    for name in names.split("."):
        if not hasattr(found, name):
            there = (
                [one for one in vars(found) if not one.startswith("_")] if hasattr(found, "__dict__") else []
            )
            close = difflib.get_close_matches(name, there, n=1)
            raise BlueprintError(
                f"there is no {name!r} in {module_name}",
                mend=f"Did you mean {module_name}:{close[0]}?" if close else "",
            )
        found = getattr(found, name)
    return found


def name_of(thing: object) -> str:
    """The reference by which something can be found again.

    Raises:
        BlueprintError: It has no name at the top of a module, as a lambda has none.
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str) and _is_there(module, name, thing):
        return f"{module}:{name}"
    # What is made by a call, such as a compiled graph, does not know what it is called.
    for module_name, loaded in list(sys.modules.items()):
        if loaded is None or module_name == "__main__":
            continue
        for key, value in list(vars(loaded).items()):
            if value is thing and re.match(PATTERN, f"{module_name}:{key}"):
                return f"{module_name}:{key}"
    raise BlueprintError(
        f"{name or type(thing).__name__!r} cannot be written as text",
        wanted=WANTED,
        mend="Give it a name at the top of a module that can be imported.",
    )


def _is_there(module: str, name: str, thing: object) -> bool:
    found: object = sys.modules.get(module)
    if module == "__main__" or not re.match(PATTERN, f"{module}:{name}"):
        return False
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is thing


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only the module itself missing is a wrong name; a missing import inside it is its own fault.
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise
        close = _close_to(name)
        raise BlueprintError(
            f"there is no module {name!r}",
            mend=f"Did you mean {close}?" if close else "Run from the folder that holds it.",
        ) from None


def _close_to(name: str) -> str | None:
    """The module of a name like it, beside where it would be; top-level ones are those on the path."""
    parent, _, last = name.rpartition(".")
    try:
        path = importlib.import_module(parent).__path__ if parent else None
    except (ImportError, AttributeError):
        return None
    close = difflib.get_close_matches(last, [one.name for one in pkgutil.iter_modules(path)], n=1)
    return ".".join(filter(None, [parent, close[0]])) if close else None
