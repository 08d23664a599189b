"""`switchboard serve`: the inbox, the API and a worker in one process, until somebody stops it."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

import typer

from langgraph_switchboard.cli.demo import demo_file
from langgraph_switchboard.cli.intake import read_cases
from langgraph_switchboard.cli.project import flow_references, named_flow
from langgraph_switchboard.cli.run import input_of
from langgraph_switchboard.cli.screen import out, program, run_async, say
from langgraph_switchboard.errors import ConfigurationError, MissingExtra
from langgraph_switchboard.switchboard import Switchboard

DEMO_BATCH = "demo"
"""The batch of the demo cases that a server hands in; they are handed in once."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    flow: Annotated[str | None, typer.Option("--flow", help="The flow, as module:name.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Hand in the project's demo cases first.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many cases at a time.")] = 32,
) -> None:
    """Serve the inbox and the API, and drive the cases; Ctrl-C stops it without breaking one off."""
    flows = flow_references(flow)
    run_async(_serve(host, port, flows, concurrency, with_demo=demo))


async def _serve(host: str, port: int, flows: list[str], concurrency: int, *, with_demo: bool) -> None:
    try:
        # An optional part, with web server and templates.
        from langgraph_switchboard.serve.app import create_app
        from langgraph_switchboard.serve.auth import Doorkeeper
        from langgraph_switchboard.serve.server import serve_until_stopped
        from langgraph_switchboard.serve.settings import ServeSettings
        from langgraph_switchboard.serve.tokens import tokens_of
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "starlette", "serve", why="serving pages") from None

    settings = ServeSettings.from_env()
    tokens = await tokens_of(settings)
    async with Switchboard.open(flows=flows) as switchboard:
        house = switchboard.house
        keyless = await Doorkeeper(house.access, settings, switchboard.services.clock, tokens).is_open()
        if keyless and host not in _LOOPBACK:
            raise ConfigurationError(
                "without keys the server listens on this machine only",
                where="--host",
                wanted="127.0.0.1",
                came=host,
                mend=f"Make a key first: `{program()} keys create NAME --role reviewer`.",
            )

        @asynccontextmanager
        async def opened() -> AsyncIterator[Switchboard]:
            yield switchboard

        app = create_app(opened, settings=settings, tokens=tokens, concurrency=concurrency)
        with _listening(host, port) as here:
            say(switchboard.where)
            say(switchboard.services.models.line)
            if with_demo:
                await _hand_in(switchboard)
            name = f"[{host}]" if ":" in host else host
            address = settings.public_url or f"http://{name}:{here.getsockname()[1]}"
            out.print(f"The inbox is on {address}", highlight=False, soft_wrap=True)
            say(f"its API is described on {address}/api; Ctrl-C stops it")
            if keyless:
                say("no keys: whoever uses this machine may decide; it answers nobody else")
            await serve_until_stopped(app, here, (signal.SIGINT, signal.SIGTERM), settings.proxies)
    say("stopped; nothing is lost")


async def _hand_in(switchboard: Switchboard) -> None:
    """Hand the demo cases in; those of an earlier time stay as they are."""
    blueprint = named_flow()
    file = demo_file()
    intake = await asyncio.to_thread(read_cases, file, input_of(blueprint), batch=DEMO_BATCH, expect="expect")
    for case in intake.cases:
        await switchboard.start(blueprint, case.inputs, case_id=case.case_id, labels=case.labels)
    say(f"{len(intake.cases):,} demo cases from {file}; they are driven while you look")


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as here:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            here.bind((host, port))
            here.listen(1024)  # whoever comes before the server is up waits, and is not sent away
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise ConfigurationError(
                "something else listens there" if taken else "one cannot listen there",
                where=f"{host}:{port}",
                came=error.strerror or "",
                mend="Choose another with --port; 0 takes a free one." if taken else "",
            ) from None
        yield here
