"""Static files of the pages: styles, scripts and icons of our own."""

from __future__ import annotations

import asyncio
import mimetypes
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.serve.guard import route

_FOLDER = resources.files("langgraph_switchboard.serve.pages") / "static"


async def static(request: Request) -> Response:
    """One file, by its name."""
    name = str(request.path_params["name"])
    if "/" in name or "\\" in name or name.startswith("."):
        raise HTTPException(404, "There is no such file.")
    try:
        content = await asyncio.to_thread(_FOLDER.joinpath(name).read_bytes)
    except (FileNotFoundError, IsADirectoryError, ValueError):
        raise HTTPException(404, "There is no such file.") from None
    return Response(content, media_type=mimetypes.guess_type(name)[0] or "application/octet-stream")


routes = [route("/static/{name}", static, right=None, keep=300)]
