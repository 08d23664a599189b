"""A drawing of a process as mermaid text, which Markdown viewers render."""

from __future__ import annotations

import re
from collections.abc import Iterator

from langgraph_switchboard.graphs.process import Process
from langgraph_switchboard.nodes import END, Edge, Step

_SHAPES = {
    "open": '(["{}"])',
    "step": '["{}"]',
    "supervisor": '{{{{"{}"}}}}',
    "gate": '{{"{}"}}',
    "review": '[/"{}"\\]',
    "effect": '[["{}"]]',
    "dead_letter": '[("{}")]',
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
    strange = dict.fromkeys(edge.to for step in steps for edge in step.edges if not _is_known(edge, process))
    ids = _ids([*process.steps, *strange])
    lines = ["flowchart TD"]
    lines += [f"{ids[step.name]}{_SHAPES[step.kind].format(_text(step.name))}" for step in steps]
    lines += [f'{ids[name]}["{_text(name)}: no such step"]' for name in strange]
    lines.append('finish(("END"))')
    ids[END] = "finish"
    lines += [line for step in steps for line in _ways(step, ids)]
    lines += [f"classDef {name} {look}" for name, look in _CLASSES.items() if name != "unknown" or strange]
    lines += [f"class {ids[step.name]} {step.kind}" for step in steps if step.kind in _CLASSES]
    lines += [f"class {ids[name]} unknown" for name in strange]
    return "\n    ".join(lines) + "\n"


def _ways(step: Step, ids: dict[str, str]) -> Iterator[str]:
    for way, to in dict.fromkeys((edge.way, edge.to) for edge in step.edges):
        if way == "fallback":
            yield f"{ids[step.name]} -.-> {ids[to]}"
        elif way in ("then", "agent"):  # where it leads says it all
            yield f"{ids[step.name]} --> {ids[to]}"
        else:
            yield f"{ids[step.name]} -- {way} --> {ids[to]}"


def _is_known(edge: Edge, process: Process) -> bool:
    return edge.to in process.steps or edge.to == END


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
