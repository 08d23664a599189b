"""Cases: rows and verbs of cases, reviews and the outbox; no langgraph."""
