"""A drawing of a process as mermaid text, which Markdown viewers render."""

from __future__ import annotations

import re
from collections.abc import Iterator

from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.nodes import END, Step, Way

_SHAPES = {
    "open": '(["{}"])',
    "step": '["{}"]',
    "supervisor": '{{{{"{}"}}}}',
    "gate": '{{"{}"}}',
    "review": '[/"{}"\\]',
    "effect": '[["{}"]]',
    "dead_letter": '[("{}")]',
    "parallel": '[/"{}"/]',
    "map": '[/"{}"/]',
    "join": '(("{}"))',
    "include": '[["{}"]]',
    "wait": '>"{}"]',
}
"""Each kind of step has a shape of its own; a person's step also has a colour."""

_CLASSES = {
    "review": "fill:#fff3c4,stroke:#b7791f,color:#222",
    "dead_letter": "fill:#f3d6d6,stroke:#9b2c2c,color:#222",
    "unknown": "stroke:#c00,stroke-width:3px",
}


def mermaid(process: Process) -> str:
    """Draw a process: kinds by shape, fallbacks dashed, ways by name where a step has several.

    The same process gives the same text. A destination that is no step is drawn too, in red.

    Args:
        process: The finished blueprint; it need not be sound.

    Returns:
        A mermaid flowchart, ending in a newline.
    """
    steps = list(process.steps.values())
    drawn = {step.name: _drawn(process, step) for step in steps}
    strange = dict.fromkeys(
        to for ways in drawn.values() for _, to in ways if to not in process.steps and to != END
    )
    ids = _ids([*process.steps, *strange])
    lines = ["flowchart TD"]
    lines += [f"{ids[step.name]}{_SHAPES[step.kind].format(_text(step.name))}" for step in steps]
    lines += [f'{ids[name]}["{_text(name)}: no such step"]' for name in strange]
    lines.append('finish(("END"))')
    ids[END] = "finish"
    lines += [line for step in steps for line in _ways(step, drawn[step.name], ids)]
    lines += [f"classDef {name} {look}" for name, look in _CLASSES.items() if name != "unknown" or strange]
    lines += [f"class {ids[step.name]} {step.kind}" for step in steps if step.kind in _CLASSES]
    lines += [f"class {ids[name]} unknown" for name in strange]
    return "\n    ".join(lines) + "\n"


def _drawn(process: Process, step: Step) -> list[tuple[Way, str]]:
    """The ways of a step, each once; a join that is left out of the drawing would hide where a set ends."""
    return list(dict.fromkeys((edge.way, process.leads_to(step, edge)) for edge in step.edges))


def _ways(step: Step, ways: list[tuple[Way, str]], ids: dict[str, str]) -> Iterator[str]:
    for way, to in ways:
        if way == "fallback":
            yield f"{ids[step.name]} -.-> {ids[to]}"
        elif way in ("then", "agent", "member"):  # where it leads says it all
            yield f"{ids[step.name]} --> {ids[to]}"
        else:
            yield f"{ids[step.name]} -- {way} --> {ids[to]}"


def _ids(names: list[str]) -> dict[str, str]:
    """An id for each name that mermaid can read: `end`, `class` and the like are words of its own."""
    ids: dict[str, str] = {}
    for name in names:
        plain = "s_" + re.sub(r"[^A-Za-z0-9_]", "_", name)
        while plain in ids.values():
            plain += "_"
        ids[name] = plain
    return ids


def _text(name: str) -> str:
    """A name as mermaid's quoted text, in which a quote or an angle bracket would be markup."""
    for sign, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("\n", " ")):
        name = name.replace(sign, code)
    return name
