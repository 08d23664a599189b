"""langgraph-switchboard: multi-agent systems that work in production."""
