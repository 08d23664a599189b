"""Blocking code in a process of its own, which a timeout kills."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import BlueprintError, StepFailed
from langgraph_switchboard.nodes.adapters.prompted import StepAgent, signed_as
from langgraph_switchboard.nodes.adapters.threads import gives_of
from langgraph_switchboard.nodes.context import StepContext

_CHILD = str(Path(__file__).with_name("child.py"))
"""Run as a file, not as a module: so nothing is loaded there but contracts and the function's own module."""
_SAID = 400


def in_process(function: Callable[..., Contract]) -> StepAgent:
    """A blocking function of contracts as a step, run in a process of its own.

    Where the step's timeout ends it, or the case is taken away, the process is killed: nothing of
    it runs on. It costs the start of a Python process, half a second or so, and the function must
    be found by its name in its module, which is imported there.

    Args:
        function: A plain function at module level; parameters are fields of the case, the return
            type is its contract.

    Raises:
        BlueprintError: It is async, no function of a module, or a parameter has no type.
    """
    place = f"{function.__module__}:{function.__qualname__}"
    if function.__module__ == "__main__" or "<" in function.__qualname__:
        raise BlueprintError(
            f"{function.__qualname__!r} cannot be found by another process",
            where=place,
            wanted="a function at the top of a module that can be imported",
        )

    async def agent(*, ctx: StepContext, **seen: Any) -> object:
        plain = {name: one.model_dump(mode="json") if one else None for name, one in seen.items()}
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", _CHILD, place,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        try:
            out, err = await child.communicate(json.dumps(plain).encode())
        finally:
            # Also where we are cancelled: whatever it does, it does no more.
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await asyncio.shield(child.wait())
        if child.returncode != 0:
            raise StepFailed(
                f"{place} failed in its process",
                where=ctx.step,
                came=(err.decode(errors="replace").strip().splitlines() or ["no word"])[-1][:_SAID],
                exit_code=child.returncode,
            )
        return json.loads(out)

    return signed_as(agent, function, gives_of(function))
