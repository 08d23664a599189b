"""Static files of the pages: styles, scripts and icons of our own, read once."""

from __future__ import annotations

from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from langgraph_switchboard.serve.guard import route

# Said here: what the machine believes of endings differs from one to the next, and is read from its disk.
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "woff2": "font/woff2",
}
_FILES = {
    file.name: file.read_bytes()
    for file in (resources.files("langgraph_switchboard.serve.pages") / "static").iterdir()
    if file.name.rpartition(".")[2] in _TYPES
}


async def static(request: Request) -> Response:
    """One file, by its name."""
    name = str(request.path_params["name"])
    if name not in _FILES:
        raise HTTPException(404, "There is no such file.")
    return Response(_FILES[name], media_type=_TYPES[name.rpartition(".")[2]])


routes = [route("/static/{name}", static, right=None, keep=300)]
