"""Makes what is generated of the documentation: the reference, from docstrings, and the drawings.

    python -m docs.build            # write what has changed
    python -m docs.build --check    # write nothing; exit with 1 where something is stale

The schema of the YAML is written, too: `switchboard schema` gives the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

from docs.drawn import ladder, shapes
from graphs.support_desk import desk
from langgraph_switchboard.graphs import svg, yaml_schema

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PACKAGE = "langgraph_switchboard"
PARTS = {
    "contracts": "What agents say to each other.",
    "graphs": "The blueprint: said, checked, built, drawn, told.",
    "nodes": "How a step runs, and what it is handed.",
    "models": "Asking a model, or plain code.",
    "limits": "What may be spent, how often, and when somebody is left alone.",
    "switchboard": "Start, run, resume, decide.",
    "routing": "Rules, a classifier, and how sure they are.",
    "knowledge": "Articles, and how they are found.",
    "ledger": "The record of what happened.",
    "cases": "Rows of cases, reviews, effects.",
    "checkpoints": "The saver.",
    "evals": "Scoring a flow.",
    "testing": "Fakes and harnesses for tests.",
    "errors": "Every error, in one tree.",
}
"""The parts that have a page, and what each is for."""
_STARS = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}


def pages() -> Iterator[tuple[Path, str]]:
    """Everything that is generated: where it stands, and what it says."""
    package = griffe.load(PACKAGE, search_paths=[ROOT], docstring_parser=griffe.Parser.google)
    assert isinstance(package, griffe.Module)
    index = [
        "# Reference",
        "",
        "Made from the docstrings by `python -m docs.build`.",
        "",
        "| Part | What it is |",
    ]
    index += ["|---|---|"]
    for part, says in PARTS.items():
        module = package.modules[part]
        yield DOCS / "reference" / f"{part}.md", page(part, says, module)
        index.append(f"| [{part}]({part}.md) | {says} |")
    yield DOCS / "reference" / "README.md", "\n".join(index) + "\n"
    yield from drawings()


def drawings() -> Iterator[tuple[Path, str]]:
    """The drawings of the pages, and the schema."""
    taken = ["open", "intake", "supervisor", "billing", "gate", "review"]
    folder = DOCS / "drawings"
    yield folder / "support_desk.svg", svg(desk.process(), taken=taken, here={"review"})
    yield folder / "ladder.svg", svg(ladder().process())
    yield folder / "shapes.svg", svg(shapes().process())
    yield DOCS / "blueprint.schema.json", json.dumps(yaml_schema(), indent=2) + "\n"


def page(part: str, says: str, module: griffe.Module) -> str:
    """One page: every public name of a part, with its signature and its docstring."""
    lines = [f"# {PACKAGE}.{part}", "", says, ""]
    for name in public(module):
        found = module.members[name]
        if isinstance(found, griffe.Alias):
            found = found.final_target
        if isinstance(found, griffe.Class):
            lines += class_lines(found)
        elif isinstance(found, griffe.Function):
            lines += [f"## {name}", "", *function_lines(found)]
        elif found.docstring:
            lines += [f"## {name}", "", found.docstring.value, ""]
    return "\n".join(lines).rstrip() + "\n"


def public(module: griffe.Module) -> list[str]:
    """The names that a part offers: `__all__`, or what it defines itself without an underscore."""
    if module.exports:
        return sorted((str(name) for name in module.exports if str(name) in module.members), key=str.lower)
    own = [name for name, one in module.members.items() if not one.is_alias and not name.startswith("_")]
    return [name for name in own if isinstance(module.members[name], griffe.Class | griffe.Function)]


def class_lines(found: griffe.Class) -> list[str]:
    """A class: what it is, and each public method."""
    bases = ", ".join(str(base) for base in found.bases)
    lines = [
        f"## {found.name}",
        "",
        f"`class {found.name}({bases})`" if bases else f"`class {found.name}`",
        "",
    ]
    lines += docstring(found)
    for name, known in found.all_members.items():
        member = known.final_target if isinstance(known, griffe.Alias) else known  # of a base class, too
        if name.startswith("_") or not isinstance(member, griffe.Function) or not member.docstring:
            continue
        lines += [f"### {found.name}.{name}", "", *function_lines(member)]
    return lines


def function_lines(found: griffe.Function) -> list[str]:
    """A function: how it is called, and what it does."""
    return [f"`{signature(found)}`", "", *docstring(found)]


def signature(found: griffe.Function) -> str:
    """A function's head, in one line."""
    parts: list[str] = []
    star = False
    for parameter in found.parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is griffe.ParameterKind.keyword_only and not star:
            parts.append("*")
            star = True
        stars = _STARS.get(parameter.kind, "")
        star = star or stars == "*"
        kind = f": {parameter.annotation}" if parameter.annotation is not None else ""
        is_plain = parameter.default is not None and not stars
        parts.append(f"{stars}{parameter.name}{kind}{f' = {parameter.default}' if is_plain else ''}")
    gives = f" -> {found.returns}" if found.returns is not None else ""
    is_async = "async " if "async" in found.labels else ""
    return f"{is_async}{found.name}({', '.join(parts)}){gives}"


def docstring(found: griffe.Object) -> list[str]:
    """A docstring as Markdown: its text, and its parameters and errors as lists."""
    if found.docstring is None:
        return []
    lines: list[str] = []
    for section in found.docstring.parsed:
        if isinstance(section, griffe.DocstringSectionText):
            lines += [section.value, ""]
        elif isinstance(section, griffe.DocstringSectionParameters):
            lines += [f"- `{one.name}`: {one_line(one.description)}" for one in section.value] + [""]
        elif isinstance(section, griffe.DocstringSectionRaises):
            lines += [
                f"- raises `{one.annotation}`: {one_line(one.description)}" for one in section.value
            ] + [""]
        elif isinstance(section, griffe.DocstringSectionReturns):
            lines += [f"- returns: {one_line(one.description)}" for one in section.value] + [""]
        elif isinstance(section, griffe.DocstringSectionAdmonition):
            lines += [f"**{section.title}:** {one_line(section.value.description)}", ""]
    return lines


def one_line(text: str) -> str:
    """Text without its line breaks."""
    return " ".join(text.split())


def main(arguments: list[str]) -> int:
    """Write what has changed, or say what is stale."""
    made = dict(pages())
    old = [path for path in (DOCS / "reference").glob("*.md") if path not in made]
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        sys.stdout.writelines(f"stale: {path.relative_to(ROOT)}\n" for path in [*stale, *old])
        return 1 if stale or old else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8", newline="\n")
    for path in old:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
