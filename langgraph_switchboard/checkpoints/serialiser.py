"""What a stored value may become when it is read: plain data, and LangGraph's own types."""

from __future__ import annotations

import json
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer


class PlainSerialiser(JsonPlusSerializer):
    """LangGraph's serialiser, which constructs no type of anybody else.

    A stored value can name any Python callable, and LangGraph's default imports and calls it:
    whoever can write one row could run code here. A case's own state is plain JSON and needs
    none of that, so only LangGraph's own list of harmless types is let through; a value that
    names another comes back as the plain data that it holds, and LangGraph's log says so once.

    A LangGraph graph that is a step, and keeps types of its own in its state, finds plain data
    in their place when it goes on after a crash. Name them, and they come back as they were:
    `Switchboard.open(serde=JsonPlusSerializer(allowed_msgpack_modules=[MyState]))`.
    """

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Read a stored value; the JSON of old savers too is data, and builds no object of LangChain."""
        kind, stored = data
        return json.loads(stored) if kind == "json" else super().loads_typed(data)
