"""Hooks: a blueprint's own code at fixed places, timed, on the record, and never passed over."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from langgraph.errors import GraphInterrupt

from langgraph_switchboard.errors import BlueprintError, HookFailed
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.nodes.spec import Hooks
from langgraph_switchboard.nodes.standing import leaves_the_case_standing

Point = Literal["before_routing", "before_agent", "after_agent", "before_effect", "on_failure"]
"""Where a hook runs."""
_GIVES: dict[Point, tuple[str, ...]] = {
    "before_routing": ("ctx",),
    "before_agent": ("ctx",),
    "after_agent": ("contract", "ctx"),
    "before_effect": ("ctx",),
    "on_failure": ("failure", "ctx"),
}
"""What a hook of each place is given."""


def must_be_hooks(hooks: Hooks, where: str) -> Hooks:
    """The hooks, if each of them can be one; otherwise it would fail its first case.

    Args:
        hooks: What the author declared.
        where: The blueprint.

    Raises:
        BlueprintError: One is not an async function, or takes something else than its place gives.
    """
    for point, given in _GIVES.items():
        for hook in getattr(hooks, point):
            if not inspect.iscoroutinefunction(hook):
                raise BlueprintError(
                    f"the hook {_name(hook)!r} is not an async function", where=where, wanted="async def"
                )
            try:
                inspect.signature(hook).bind(*given)
            except TypeError:
                raise BlueprintError(
                    f"the hook {_name(hook)!r} does not take what {point} gives",
                    where=where,
                    wanted=f"({', '.join(given)})",
                    came=str(inspect.signature(hook)),
                ) from None
    return hooks


async def run_hooks(point: Point, ctx: StepContext, *given: Any) -> None:
    """Run the hooks of one place, one after the other, in the order in which they were declared.

    Each that ran stands in the step's event with its name and its seconds.

    Args:
        point: The place.
        ctx: The step's context; each hook gets it last.
        *given: What the hooks of this place get before it.

    Raises:
        HookFailed: A hook raised, or did not end within half of the step's time; the rest did not run.
        StoreError: The store failed under a hook; the case stands where it stood.
    """
    for hook in getattr(ctx.flow.hooks, point):
        await _run(hook, point, ctx, given)


async def _run(
    hook: Callable[..., Awaitable[None]], point: Point, ctx: StepContext, given: tuple[Any, ...]
) -> None:
    name = _name(hook)
    started = time.perf_counter()
    told: dict[str, Any] = {"at": point, "hook": name}
    ctx.hooks.append(told)
    try:
        # A bound of its own, below the step's: what does not end is the hook's fault, not the agent's.
        async with asyncio.timeout(ctx.timeout and ctx.timeout / 2):
            await hook(*given, ctx)
    except GraphInterrupt:
        raise _failed(name, point, ctx, "it asked a person by `interrupt`, which only a review may") from None
    except Exception as error:
        fault = leaves_the_case_standing(error)
        if fault is not None:
            raise fault from error
        told["failed"] = type(error).__name__
        says = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise _failed(name, point, ctx, says) from error
    finally:
        told["seconds"] = round(time.perf_counter() - started, 6)


def _name(hook: Callable[..., object]) -> str:
    return str(getattr(hook, "__qualname__", type(hook).__name__)).rpartition("<locals>.")[2]


def _failed(name: str, point: Point, ctx: StepContext, came: str) -> HookFailed:
    return HookFailed(
        f"the hook {name!r} failed", where=ctx.step, came=came, mend="Mend the hook.", hook=name, point=point
    )
