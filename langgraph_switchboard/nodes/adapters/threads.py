"""Blocking code in a thread of its own: it may be left behind, and so must do no harm there."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import typing
from collections.abc import Callable
from typing import Any

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import StepFailed
from langgraph_switchboard.nodes.adapters.prompted import StepAgent, signed_as
from langgraph_switchboard.nodes.context import StepContext

MOST_LEFT = 32
"""Threads that timeouts have left behind, from which on no more are begun: something hangs for good."""

_left: set[threading.Thread] = set()


def in_thread(function: Callable[..., Contract]) -> StepAgent:
    """A blocking function of contracts as a step.

    A step's timeout ends the step, not the thread: Python cannot stop one. Its result is then
    thrown away, but it runs on. So it may read and compute, and must not act on the world: code
    that does, or that may hang, belongs into `in_process`, which is killed.

    Args:
        function: A plain function; parameters are fields of the case, the return type is its contract.

    Raises:
        BlueprintError: It is async, or a parameter has no type.
    """

    async def agent(*, ctx: StepContext, **seen: Any) -> object:
        _must_not_pile_up(ctx.step)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        within = contextvars.copy_context()

        def work() -> None:
            try:
                result, failed = within.run(function, **seen), None
            except BaseException as error:
                result, failed = None, error
            _left.discard(threading.current_thread())
            if not loop.is_closed():
                loop.call_soon_threadsafe(_tell, done, result, failed)

        # A daemon: one that hangs for good must not keep the process from ending.
        thread = threading.Thread(target=work, name=f"switchboard-step-{ctx.step}", daemon=True)
        thread.start()
        try:
            return await done
        except asyncio.CancelledError:
            if thread.is_alive():
                _left.add(thread)
            raise

    return signed_as(agent, function, gives_of(function))


def gives_of(function: Callable[..., Any]) -> type[Contract]:
    """The contract that a function says it gives; what is none is refused when it is declared as a step."""
    gives: type[Contract] = typing.get_type_hints(function).get("return", type(None))
    return gives


def _tell(done: asyncio.Future[Any], result: Any, failed: BaseException | None) -> None:
    if done.done():
        return
    if failed is None:
        done.set_result(result)
    else:
        done.set_exception(
            failed if isinstance(failed, Exception) else StepFailed(f"the thread ended: {failed!r}")
        )


def _must_not_pile_up(step: str) -> None:
    _left.difference_update([one for one in _left if not one.is_alive()])
    if len(_left) >= MOST_LEFT:
        raise StepFailed(
            f"{len(_left)} threads that timeouts left behind still run",
            where=step,
            mend="Let the code time out by itself, or run it with in_process, which is killed.",
        )
