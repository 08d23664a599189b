"""A dataset is read whole or refused by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.support_desk import suite
from langgraph_switchboard.errors import ConfigurationError, InputRefused
from langgraph_switchboard.evals import load_dataset, load_suite

GOOD = '{"inputs": {"a": 1}, "outputs": {"b": 2}, "metadata": {"c": 3}}'


def test_examples_are_langsmiths_own(tmp_path: Path) -> None:
    """Inputs, outputs and metadata arrive as they stand; what is left out is empty."""
    file = tmp_path / "set.jsonl"
    file.write_text(f'{GOOD}\n\n{{"inputs": {{"a": 2}}}}\n')
    first, second = load_dataset(file)
    assert (first.inputs, first.outputs, first.metadata) == ({"a": 1}, {"b": 2}, {"c": 3})
    assert (second.inputs, second.outputs, second.metadata) == ({"a": 2}, {}, {})
    assert first.dataset_id == second.dataset_id


def test_an_example_keeps_its_id_when_the_file_grows(tmp_path: Path) -> None:
    """Two runs are compared example by example, so the id hangs on the inputs, not on the line."""
    file = tmp_path / "set.jsonl"
    file.write_text(f"{GOOD}\n")
    (before,) = load_dataset(file)
    file.write_text('{"inputs": {"a": 0}}\n' + GOOD.replace('"b": 2', '"b": 5') + "\n")
    _, after = load_dataset(file)
    assert after.id == before.id


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "no JSON at character 2"),
        (b"[1]", "a JSON object is wanted, a list came"),
        (b'{"input": {"a": 2}}', "unknown keys 'input'"),
        (b'{"inputs": {}}', "'inputs' must be an object"),
        (b'{"inputs": {"a": 2}, "outputs": 3}', "'outputs' must be an object"),
        (b'{"inputs": {"a": NaN}}', "NaN is no JSON number"),
        (b'{"inputs": {"a": "\xff"}}', "byte 19 is not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (GOOD.encode(), "the same inputs as line 1"),
    ],
)
def test_a_line_that_is_no_example_is_named_by_its_number(tmp_path: Path, line: bytes, says: str) -> None:
    """Who wrote the file finds the line at once."""
    file = tmp_path / "set.jsonl"
    file.write_bytes(GOOD.encode() + b"\n\n" + line + b"\n")
    with pytest.raises(InputRefused) as refused:
        load_dataset(file)
    assert says in str(refused.value)
    assert refused.value.fields["lines"] == [3]


def test_a_missing_or_empty_file_is_refused(tmp_path: Path) -> None:
    """Nothing to score is an error, not a pass."""
    with pytest.raises(InputRefused, match="No such file"):
        load_dataset(tmp_path / "set.jsonl")
    (tmp_path / "set.jsonl").write_text("\n")
    with pytest.raises(InputRefused, match="holds no example"):
        load_dataset(tmp_path / "set.jsonl")


def test_the_desks_own_dataset_can_be_read() -> None:
    """At least a hundred examples, each saying department, outcome, articles and safety."""
    examples = load_dataset(suite.dataset)
    assert len(examples) >= 100
    wanted = {"department", "outcome", "cites_any_of", "must_go_to_person"}
    assert all(set(one.outputs or {}) == wanted for one in examples)


def test_a_suite_is_found_by_name_and_by_reference() -> None:
    """`support_desk` stands for `evals.support_desk:suite`."""
    assert load_suite("support_desk") is suite
    assert load_suite("evals.support_desk:suite") is suite


@pytest.mark.parametrize("name", ["nobody", "evals.support_desk:Reply", "evals.support_desk:nothing"])
def test_what_is_no_suite_is_refused_in_words(name: str) -> None:
    """A wrong name is told with the way to mend it."""
    with pytest.raises(ConfigurationError, match=r"no module|no EvalSuite"):
        load_suite(name)
