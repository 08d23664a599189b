"""Serve: the web inbox, the JSON API and the event stream, on our own server or inside a LangGraph one."""
