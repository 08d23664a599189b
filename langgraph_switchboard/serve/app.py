"""The application: pages and API over one switchboard, as Starlette carries them.

Two servers carry it: our own (`switchboard serve`) and `langgraph dev`, which takes it as its
`http.app`. Its routes bring their guards along, so that neither has to know of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from langgraph_switchboard.serve import api, pages
from langgraph_switchboard.serve.auth import Doorkeeper, Tokens
from langgraph_switchboard.serve.health import routes as health_routes
from langgraph_switchboard.serve.settings import ServeSettings
from langgraph_switchboard.serve.traffic import Traffic
from langgraph_switchboard.switchboard import Switchboard

Opened = Callable[[], AbstractAsyncContextManager[Switchboard]]
"""Opens the switchboard that is served, for as long as the server runs."""


def create_app(
    opened: Opened, *, settings: ServeSettings | None = None, tokens: Tokens | None = None
) -> Starlette:
    """The application over a switchboard.

    Args:
        opened: Opens the switchboard when the server starts, and closes it when it stops.
        settings: What the server goes by; from the environment unless given.
        tokens: Who reads tokens; nobody unless given.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    settings = settings or ServeSettings.from_env()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opened() as switchboard:
            app.state.switchboard = switchboard
            app.state.door = Doorkeeper(
                switchboard.house.access, settings, switchboard.services.clock, tokens
            )
            yield

    app = Starlette(routes=all_routes(), lifespan=lifespan)
    app.state.settings = settings
    app.state.traffic = Traffic()
    return app


def all_routes() -> list[BaseRoute]:
    """Everything that is answered: health, the API, and the pages."""
    return [*health_routes, *api.routes, *pages.routes]
