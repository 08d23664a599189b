"""The application: pages and API over one switchboard, as Starlette carries them.

Two servers carry it: our own (`switchboard serve`) and `langgraph dev`, which takes it as its
`http.app`. Its routes bring their guards along, so that neither has to know of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from langgraph_switchboard.serve import api, pages
from langgraph_switchboard.serve.auth import Doorkeeper, Tokens
from langgraph_switchboard.serve.guard import route
from langgraph_switchboard.serve.health import routes as health_routes
from langgraph_switchboard.serve.notifier import Notifier
from langgraph_switchboard.serve.problems import problem
from langgraph_switchboard.serve.settings import ServeSettings
from langgraph_switchboard.serve.tidying import Tidying
from langgraph_switchboard.serve.traffic import Traffic
from langgraph_switchboard.serve.worker import CONCURRENCY, Worker
from langgraph_switchboard.switchboard import Switchboard
from langgraph_switchboard.switchboard.ticker import ticking

Opened = Callable[[], AbstractAsyncContextManager[Switchboard]]
"""Opens the switchboard that is served, for as long as the server runs."""


def create_app(
    opened: Opened,
    *,
    settings: ServeSettings | None = None,
    tokens: Tokens | None = None,
    concurrency: int = CONCURRENCY,
    alone: bool = True,
) -> Starlette:
    """The application over a switchboard; it drives the cases as well, and wakes those that are due.

    Args:
        opened: Opens the switchboard when the server starts, and closes it when it stops.
        settings: What the server goes by; from the environment unless given.
        tokens: Who reads tokens; nobody unless given.
        concurrency: How many cases are driven at a time.
        alone: False where another server puts its own routes beside ours: then what nobody answers
            is its business.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    settings = settings or ServeSettings.from_env()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opened() as switchboard:
            app.state.switchboard = switchboard
            clock, house = switchboard.services.clock, switchboard.house
            app.state.door = Doorkeeper(house.access, settings, clock, tokens)
            worker = app.state.worker = Worker(switchboard, concurrency=concurrency)
            chores = {"strays": worker.take_up_strays, "tidying": Tidying().tidy}
            notifier = Notifier(switchboard, settings)
            async with (
                house.tail.listening(),
                worker.running(),
                ticking(switchboard, chores=chores),
                notifier.running(),
            ):
                yield
                app.state.draining = True

    routes, handlers = all_routes(), {}
    if alone:
        routes += [route("/openapi.json", api.openapi, right=None), route("/metrics", api.metrics)]
        handlers = {HTTPException: _refused}
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.state.settings = settings
    app.state.traffic = Traffic()
    app.state.draining, app.state.streams = False, 0
    return app


async def _refused(request: Request, raised: Exception) -> Response:
    assert isinstance(raised, HTTPException)
    return problem(raised.status_code, "refused", str(raised.detail), headers=raised.headers)


def all_routes() -> list[BaseRoute]:
    """Everything that is answered: health, the API, and the pages."""
    return [*health_routes, *api.routes, *pages.routes]
