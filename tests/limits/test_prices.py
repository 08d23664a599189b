"""What models cost: from one's own table, or from the snapshot; what nobody knows is never nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.ledger import Price, Prices
from langgraph_switchboard.limits import (
    BreakerPolicy,
    Budget,
    ModelPolicy,
    Rate,
    policies_of_project,
    policy_of,
)

OWN = Prices({"ours": Price(Decimal("0.15"), Decimal("0.6"), Decimal("0.075"))})


def test_prices_come_from_the_snapshot() -> None:
    """Exact decimals, without the network; also for names with a provider in front."""
    assert Prices().cost("gpt-5-mini", 1_000, 500) == Decimal("0.00125")
    assert Prices().cost("openai/gpt-5-mini", 1_000, 500) == Decimal("0.00125")
    assert Prices().cost("gpt-5-mini", 1_000, 0, cached_tokens=1_000) == Decimal("0.000025")


def test_a_model_that_nobody_knows_has_no_price() -> None:
    """Unknown is said; it is never taken for nothing."""
    assert Prices().cost("our-own-model", 1_000, 500) is None
    assert Prices().cost("nobody/our-own-model", 0, 0) is None


def test_ones_own_price_wins() -> None:
    """For models that are known, too; what is cached costs what it is said to."""
    assert OWN.cost("ours", 1_000_000, 500_000) == Decimal("0.45")
    assert OWN.cost("ours", 1_000, 0, cached_tokens=400) == Decimal("0.00012")
    own = Prices({"gpt-5-mini": Price(Decimal(1), Decimal(1))})
    assert own.cost("gpt-5-mini", 1_000_000, 0) == Decimal(1)


def test_prices_are_read_from_the_project_or_from_the_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`[tool.switchboard.prices]`, or SWITCHBOARD_PRICES, which wins."""
    monkeypatch.delenv("SWITCHBOARD_PRICES", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Prices.of_project().cost("ours", 1, 1) is None
    table = '"ours" = { input = 2, output = 4.5 }\n'
    (tmp_path / "pyproject.toml").write_text(f"[tool.switchboard.prices]\n{table}")
    assert Prices.of_project().cost("ours", 1_000_000, 0) == Decimal(2)
    (tmp_path / "prices.toml").write_text(table.replace("2", "3"))
    monkeypatch.setenv("SWITCHBOARD_PRICES", str(tmp_path / "prices.toml"))
    assert Prices.of_project().cost("ours", 1_000_000, 0) == Decimal(3)


@pytest.mark.parametrize(
    "text",
    [
        '"ours" = 2', '"ours" = { input = 2 }', '"ours" = { input = -1, output = 1 }',
        '"ours" = { input = "1", output = 1 }', '"ours" = { input = 1, output = nan }',
        '"ours" = { input = true, output = 1 }', '"ours" = { input = 1, output = 1, per = 5 }', "[[x",
    ],
)  # fmt: skip
def test_a_price_that_is_none_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the place where it stands."""
    (tmp_path / "prices.toml").write_text(text)
    monkeypatch.setenv("SWITCHBOARD_PRICES", str(tmp_path / "prices.toml"))
    with pytest.raises(ConfigurationError, match="prices"):
        Prices.of_project()


def test_what_holds_for_models_is_read_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named model has its own policy; the star stands for every other."""
    (tmp_path / "models.toml").write_text(
        '"m" = { rate = { per_second = 5, burst = 10 }, breaker = { errors = 0.2 } }\n'
        '"*" = { budget = { usd_per_day = 20.0 } }\n'
    )
    monkeypatch.setenv("SWITCHBOARD_MODELS", str(tmp_path / "models.toml"))
    policies = policies_of_project()
    assert policy_of(policies, "m") == ModelPolicy(Rate(5, 10), BreakerPolicy(errors=0.2))
    assert policy_of(policies, "another") == ModelPolicy(budget=Budget(usd_per_day=20.0))
    assert policy_of({}, "another") == ModelPolicy()


@pytest.mark.parametrize(
    "text",
    ['"m" = { pace = { per_second = 1 } }', '"m" = { rate = 5 }', '"m" = { rate = { per_minute = 1 } }',
     '"m" = { rate = { per_second = 0 } }', '"m" = { breaker = { errors = 2 } }'],
)  # fmt: skip
def test_a_policy_that_is_none_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown word, a wrong form, a bound that cannot be kept."""
    (tmp_path / "models.toml").write_text(text)
    monkeypatch.setenv("SWITCHBOARD_MODELS", str(tmp_path / "models.toml"))
    with pytest.raises(ConfigurationError):
        policies_of_project()


def test_policies_that_cannot_be_kept_are_refused() -> None:
    """Where they are written, not where they would first be asked."""
    for make in (
        lambda: Budget(usd=-1), lambda: Budget(tokens_per_call=-5), lambda: Rate(0), lambda: Rate(1, 0.5),
        lambda: Rate(1, patience=-1), lambda: BreakerPolicy(window=0), lambda: BreakerPolicy(least=60),
        lambda: BreakerPolicy(rejections=0), lambda: BreakerPolicy(cool=0), lambda: BreakerPolicy(slower=-1),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError):
            make()
