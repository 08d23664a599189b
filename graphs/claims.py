"""The insurance claim: a claim comes in, it is paid or declined, and the claimant is told.

The process stands in `claims.yaml` beside this file.
"""

from pathlib import Path

from langgraph_switchboard.graphs import load_yaml

claims = load_yaml(Path(__file__).with_name("claims.yaml"))

graph = claims.build()
