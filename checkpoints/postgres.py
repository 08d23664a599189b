"""What `langgraph dev` keeps its checkpoints in: the switchboard's own Postgres.

`langgraph.json` names `checkpointer`; the server enters it before any node runs, in the
same event loop, and so opens the services that the desk's steps use.
"""

from langgraph_switchboard.switchboard import served_checkpointer as checkpointer

__all__ = ["checkpointer"]
