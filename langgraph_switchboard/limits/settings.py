"""What holds for models, whoever asks them: said by the project, not by a blueprint.

    [tool.switchboard.models]
    "gpt-5-mini" = { rate = { per_second = 5, burst = 10 }, breaker = { errors = 0.5 } }
    "*" = { budget = { usd_per_day = 20.0 } }

The variable SWITCHBOARD_MODELS names a TOML file that holds the same table by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.limits.policy import BreakerPolicy, Budget, ModelPolicy, Rate
from langgraph_switchboard.settings import table_of

MODELS_SETTING = "SWITCHBOARD_MODELS"
ANY = "*"
"""What holds for every model that is not named, each by itself."""

_POLICIES: dict[str, Any] = {"rate": Rate, "breaker": BreakerPolicy, "budget": Budget}


def policies_of_project() -> dict[str, ModelPolicy]:
    """The policy of each model that the project names; reads a file.

    Raises:
        ConfigurationError: One cannot be read, or cannot be kept.
    """
    table, where = table_of("models", MODELS_SETTING)
    return {model: _policy(said, f"{where}, {model!r}") for model, said in table.items()}


def policy_of(policies: Mapping[str, ModelPolicy], model: str) -> ModelPolicy:
    """The policy of one model; one without bounds where none is said."""
    return policies.get(model) or policies.get(ANY) or ModelPolicy()


def _policy(said: Mapping[str, Any], where: str) -> ModelPolicy:
    made: dict[str, Any] = {}
    for name, fields in said.items():
        if name not in _POLICIES or not isinstance(fields, dict):
            raise ConfigurationError(
                "this is no policy of a model", where=where, wanted="rate, breaker or budget", came=name
            )
        try:
            made[name] = _POLICIES[name](**fields)
        except TypeError as error:
            raise ConfigurationError(
                f"the {name} has a field that there is not, or lacks one, or one of another type",
                where=where,
                came=str(error),
            ) from None
    return ModelPolicy(**made)
