"""What docstrings say of parameters and fields: the words of the YAML schema, the card and the errors."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any


def arguments_of(thing: Callable[..., Any] | type) -> dict[str, str]:
    """The section `Args:` of a docstring, by name."""
    lines = (inspect.getdoc(thing) or "").splitlines()
    found: dict[str, str] = {}
    name, is_inside = "", False
    for line in lines:
        if not line.startswith(" "):
            # A blank line or the next section ends it; a blank line inside a section stands for itself.
            is_inside = line == "Args:" or (is_inside and not line.strip())
            continue
        start = re.match(r"    (\**\w+): (.*)", line)
        if is_inside and start:
            name = start[1].lstrip("*")
            found[name] = start[2].strip()
        elif is_inside and name:
            found[name] += f" {line.strip()}"
    return found


def fields_of(made: type) -> dict[str, str]:
    """The docstrings under the fields of a class, by name."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(made))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    field = ""
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            field = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and field:
            found[field], field = " ".join(str(node.value.value).split()), ""
    return found


def first_sentence(thing: object) -> str:
    """What a docstring says first."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
