"""Counts the lines of the comparison's programs: those that hold code, as a newcomer writes them.

    python docs/compare/count.py

Not counted are blank lines, comments and docstrings. `process` leaves out imports and `main`, the
test drive; it is what remains in a project. What all programs share is not counted.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

HERE = Path(__file__).parent
FRAMEWORKS = {
    "switchboard": "langgraph-switchboard",
    "langgraph": "plain LangGraph",
    "supervisor": "langgraph-supervisor",
    "crewai": "CrewAI",
}
FLOWS = {"desk": "two-agent desk with review", "claims": "claims flow"}
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip


def lines_of(program: str, *, process: bool = False) -> int:
    """How many lines of a program hold code.

    Args:
        program: Its text.
        process: Without imports and the test drive.
    """
    tree = ast.parse(program)
    left_out = {line for node in ast.walk(tree) if _is_docstring(node) for line in _span(node)}
    if process:
        drive = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) or _drives(node)]
        left_out |= {line for node in drive for line in _span(node)}
    tokens = tokenize.generate_tokens(io.StringIO(program).readline)
    held = {
        line for one in tokens if one.type not in _NO_CODE for line in range(one.start[0], one.end[0] + 1)
    }
    return len(held - left_out)


def table() -> str:
    """The figures as a Markdown table."""
    rows = ["| lines: whole program (process alone) | " + " | ".join(FRAMEWORKS.values()) + " |"]
    rows.append("|---" * (len(FRAMEWORKS) + 1) + "|")
    for flow, named in FLOWS.items():
        cells = []
        for framework in FRAMEWORKS:
            file = HERE / f"{flow}_{framework}.py"
            text = file.read_text(encoding="utf-8")
            cells.append(f"[{lines_of(text)} ({lines_of(text, process=True)})](compare/{file.name})")
        rows.append(f"| {named} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _drives(node: ast.stmt) -> bool:
    return getattr(node, "name", "") == "main" or isinstance(node, ast.If)


def _span(node: ast.AST) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)  # type: ignore[attr-defined]


if __name__ == "__main__":
    print(table(), end="")
