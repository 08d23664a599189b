"""Models: one question to a model, or to the plain code that can answer it too."""

from langgraph_switchboard.models.asking import (
    FALLBACK_TRUST,
    Answer,
    Answerer,
    Models,
    OfflineModels,
    OnText,
    Pricing,
    Question,
    Usage,
    in_place_of_model,
)
from langgraph_switchboard.models.openai_models import DEFAULT_MODEL, OpenAIModels
from langgraph_switchboard.models.schema import strict_schema
from langgraph_switchboard.models.settings import models_from_env, priced_by
from langgraph_switchboard.models.tools import Tool, ToolCall

__all__ = [
    "DEFAULT_MODEL",
    "FALLBACK_TRUST",
    "Answer",
    "Answerer",
    "Models",
    "OfflineModels",
    "OnText",
    "OpenAIModels",
    "Pricing",
    "Question",
    "Tool",
    "ToolCall",
    "Usage",
    "in_place_of_model",
    "models_from_env",
    "priced_by",
    "strict_schema",
]
