"""Prices: what tokens of a model cost, from the project's own table or from genai-prices.

    [tool.switchboard.prices]
    "my-model" = { input = 0.15, output = 0.60, cached = 0.075 }   # dollars per million tokens

The variable SWITCHBOARD_PRICES names a TOML file that holds the same table by itself. Whatever is in
neither is looked up in the snapshot that the package genai-prices brings along; nothing is fetched.
A model that nobody knows has no price: its cost is unknown, which is never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from genai_prices import Usage, calc_price

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.settings import table_of

PRICES_SETTING = "SWITCHBOARD_PRICES"
_MILLION = Decimal(1_000_000)
_NAMES = ("input", "output", "cached")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens.

    Args:
        input: Of those that the model reads.
        output: Of those that it writes.
        cached: Of those that it reads from its cache; as `input` unless given.
    """

    input: Decimal
    output: Decimal
    cached: Decimal | None = None

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int) -> Decimal:
        """Dollars for so many tokens; the cached ones are among those that are read."""
        cached = self.input if self.cached is None else self.cached
        fresh = max(0, input_tokens - cached_tokens)
        return (fresh * self.input + cached_tokens * cached + output_tokens * self.output) / _MILLION


class Prices:
    """What models cost.

    Args:
        own: Prices of one's own by model; they win.
    """

    def __init__(self, own: Mapping[str, Price] | None = None) -> None:
        self._own = dict(own or {})

    @classmethod
    def of_project(cls) -> Self:
        """With the project's own prices; reads a file.

        Raises:
            ConfigurationError: They cannot be read.
        """
        table, where = table_of("prices", PRICES_SETTING)
        return cls({model: _price(said, f"{where}, {model!r}") for model, said in table.items()})

    def cost(
        self, model: str, input_tokens: int, output_tokens: int, *, cached_tokens: int = 0
    ) -> Decimal | None:
        """Dollars for tokens of a model; None where nobody knows its price.

        Args:
            model: Its name, as it was asked for; `provider/name` is taken apart.
            input_tokens: Tokens read, the cached ones among them.
            output_tokens: Tokens written.
            cached_tokens: Tokens read from a cache.
        """
        if (own := self._own.get(model)) is not None:
            return own.cost(input_tokens, output_tokens, cached_tokens)
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens)
        provider, _, name = model.rpartition("/")
        for reference, of in ((model, None), (name, provider.rpartition("/")[2])):
            try:
                return calc_price(usage, reference, provider_id=of).total_price
            except (LookupError, ValueError):  # unknown, or without a price for such tokens
                if not provider:
                    break
        return None


def _price(said: Mapping[str, Any], where: str) -> Price:
    numbers = {name: value for name, value in said.items() if name in _NAMES}
    fits = {"input", "output"} <= said.keys() <= set(_NAMES)
    if not fits or not all(_is_price(value) for value in numbers.values()):
        raise ConfigurationError(
            "this is no price",
            where=where,
            wanted="{ input = DOLLARS, output = DOLLARS } for a million tokens, and cached = DOLLARS",
            came=str(dict(said)),
        )
    return Price(**{name: Decimal(str(value)) for name, value in numbers.items()})


def _is_price(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
