"""One setting, `SWITCHBOARD_MODEL`, says who answers."""

from __future__ import annotations

import os
from collections.abc import Mapping

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.ledger.prices import Prices
from langgraph_switchboard.models.asking import Models, OfflineModels, Pricing, Usage
from langgraph_switchboard.models.openai_models import DEFAULT_MODEL, OpenAIModels

OFFLINE = "offline"


def models_from_env(
    environment: Mapping[str, str] | None = None, *, pricing: Pricing | None = None
) -> Models:
    """Who answers, as the environment says; `.line` tells it to people.

    `SWITCHBOARD_MODEL` names a model, or is `offline`. Where it is not set, a key or a
    base URL is taken as the wish for the default model, and without these plain code
    answers and nothing leaves the machine.

    Args:
        environment: The process's own, unless given; read are `SWITCHBOARD_MODEL`,
            `OPENAI_API_KEY` and `OPENAI_BASE_URL`.
        pricing: Dollars for tokens by model name.

    Raises:
        ConfigurationError: A model is named, but neither key nor base URL is set.
        MissingExtra: A model is wanted, but langchain-openai is not installed.
    """
    settings = os.environ if environment is None else environment
    named = settings.get("SWITCHBOARD_MODEL", "").strip()
    key, url = settings.get("OPENAI_API_KEY", "").strip(), settings.get("OPENAI_BASE_URL", "").strip()
    if named.lower() == OFFLINE:
        return OfflineModels("SWITCHBOARD_MODEL is offline")
    if key or url:
        return OpenAIModels(
            named or DEFAULT_MODEL, base_url=url or None, api_key=key or None, pricing=pricing
        )
    if named:
        raise ConfigurationError(
            f"the model {named!r} cannot be asked without a key",
            where="SWITCHBOARD_MODEL",
            wanted="OPENAI_API_KEY, or OPENAI_BASE_URL of a server that needs none",
            came="neither",
            mend="Set one of them, or SWITCHBOARD_MODEL=offline for plain code.",
        )
    return OfflineModels()


def priced_by(prices: Prices) -> Pricing:
    """The prices in the form in which models ask for them."""

    def pricing(model: str, usage: Usage) -> float | None:
        cost = prices.cost(model, usage.input_tokens, usage.output_tokens)
        return None if cost is None else float(cost)

    return pricing
