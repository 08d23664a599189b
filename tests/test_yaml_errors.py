"""What is wrong in a blueprint's YAML is told with file, line and column, and what was probably meant."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_switchboard.errors import BlueprintError, BlueprintUnreadable
from langgraph_switchboard.graphs import dump_yaml, load_yaml
from langgraph_switchboard.graphs.yaml_nodes import BIGGEST
from tests.yaml_parts import outer

TOP = "blueprint: one\ncase: tests.yaml_parts:AskCase\nsteps:\n"
STEP = TOP + "  draft:\n    agent: tests.yaml_parts:draft\n    then: END\n"
GATE = TOP + "  g:\n    gate: answer\n    sure: END\n    unsure: END\n"


def refused(text: str) -> BlueprintUnreadable:
    with pytest.raises(BlueprintUnreadable) as raised:
        load_yaml(text)
    return raised.value


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        # -- the file as such
        (TOP + "  a: [1, 2\n", "5:1", "this is no YAML"),
        (TOP + "\tdraft: 1\n", "4:1", "this is no YAML"),
        ("- one\n- two\n", "1:1", "this is no blueprint"),
        ("# only a remark\n", "1:1", "there is nothing in it"),
        (STEP + "---\nblueprint: two\n", "8:1", "a second document"),
        (STEP.replace("END", "&here END"), "6:11", "anchors and aliases are not used"),
        (STEP + "  more: *here\n", "7:9", "anchors and aliases are not used"),
        (STEP.replace("END", "!!python/name:os.system x"), "6:11", "tags are not used"),
        (STEP + "    then: END\n", "7:5", "'then' stands here a second time (came also in line 6)"),
        (STEP + "  draft:\n    gate: answer\n", "7:3", "'draft' stands here a second time"),
        (STEP + "  ? [a]\n  : b\n", "7:5", "a key is a word"),
        (TOP + "  a: " + "[" * 40 + "]" * 40 + "\n", "4:20", "nested too deep"),
        # -- keys
        (STEP.replace("    then", "    thne"), "6:5", "has no 'thne'"),
        (STEP.replace("blueprint", "bluprint"), "1:1", "Did you mean 'blueprint'?"),
        (STEP.replace("    then", "    falback: END\n    then"), "6:5", "Did you mean 'fallback'?"),
        (STEP.replace("    agent", "    agnet"), "4:3", "does not say what it is"),
        (STEP.replace("    agent", "    agnet"), "4:3", "Did you mean 'agent'?"),
        (STEP + "    gate: answer\n", "7:5", "'agent' and 'gate' at once"),
        (STEP.replace("    then: END\n", ""), "5:5", "lacks 'then'"),
        (STEP.replace("case: tests.yaml_parts:AskCase\n", ""), "1:1", "lacks 'case'"),
        ("blueprint: one\ncase: tests.yaml_parts:AskCase\n", "1:1", "there are no steps"),
        (TOP + "  draft: tests.yaml_parts:draft\n", "4:10", "the step 'draft' says nothing"),
        # -- code
        (STEP.replace("parts:draft", "parts:drfat"), "5:12", "Did you mean tests.yaml_parts:draft?"),
        (STEP.replace("yaml_parts:draft", "yaml_part:draft"), "5:12", "Did you mean tests.yaml_parts?"),
        (STEP.replace("tests.yaml_parts:draft", "draft"), "5:12", "'draft' names no code"),
        (STEP.replace("yaml_parts:AskCase", "yaml_parts:Ask"), "2:7", "is no CaseState"),
        (STEP.replace("parts:draft", "parts:after"), "4:3", "is not an async function"),
        (STEP.replace("END", "tests.yaml_parts:is_long"), "4:3", "does not name its destinations"),
        (GATE + "    always: 1 > 0\n", "8:13", "no language of"),
        # -- values
        (STEP + "    timeout: soon\n", "7:14", "this is no length of time"),
        (STEP + "    timeout: -1\n", "7:14", "this is no length of time"),
        (STEP + "    timeout: [1]\n", "7:14", "something else than is wanted"),
        (STEP + "    history: 2.5\n", "7:14", "this is no whole number"),
        (STEP + "    history: '2'\n", "7:14", "this is no number"),
        (STEP + "    owner:\n", "7:11", "came nothing"),
        (STEP + "    retry: 3\n", "7:12", "this is no Retry"),
        (STEP + "    retry: {attemps: 3}\n", "7:13", "Did you mean 'attempts'?"),
        (STEP + "    retry: {jitter: yes}\n", "7:21", "neither true nor false"),
        (STEP + "    rate: {burst: 2}\n", "7:11", "a rate needs per_second"),
        (STEP + "hooks: {before_agent: tests.yaml_parts:hook}\n", "7:23", "this is no list"),
        (STEP + "renamed: [a]\n", "7:10", "this is no table"),
        (TOP + "  w:\n    wait: soon\n    then: END\n", "5:11", "this is no length of time"),
        (TOP + "  i:\n    include: tests.yaml_parts:draft\n    then: END\n", "5:14", "this is no blueprint"),
        (TOP + "  i:\n    include: other.yaml\n    then: END\n", "5:14", "there is no file 'other.yaml'"),
        (TOP + "  p:\n    parallel: a\n    then: END\n", "5:15", "this is no list"),
        (STEP + "    tools: [{name: a}]\n", "7:13", "a tool needs contract, call"),
        # -- what Python refuses, where it stands in the file
        (GATE + "    threshold: 2\n", "4:3", "is a share"),
        (TOP + "  g:\n    gate: anwser\n    sure: END\n    unsure: END\n", "4:3", "no field of AskCase"),
        (STEP.replace("  draft:", "  open:"), "4:3", "of the switchboard's own"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, place: str, says: str) -> None:
    """The place is where an editor would put the cursor; the words say what was wanted."""
    error = refused(text)

    assert str(error).startswith(f"<text>:{place}: ")
    assert says in str(error)
    assert f"{error.line}:{error.column}" == place
    assert error.record()["line"] == error.line


def test_a_file_is_named_as_it_was_given(tmp_path: Path) -> None:
    """So that a click in a terminal opens it."""
    file = tmp_path / "claims.yaml"
    file.write_text(STEP.replace("END", "END\n    timeuot: 3"), encoding="utf-8")

    with pytest.raises(BlueprintUnreadable, match=r"claims\.yaml:7:5: .*Did you mean 'timeout'") as raised:
        load_yaml(file)
    assert (raised.value.file, raised.value.line, raised.value.column) == (str(file), 7, 5)
    assert isinstance(raised.value, BlueprintError)


def test_a_file_that_is_not_there_is_not_text_or_too_big_is_refused(tmp_path: Path) -> None:
    """Before any of it is read as YAML."""
    for name, content, says in [
        ("latin.yaml", "owner: Müller".encode("latin-1"), "no UTF-8"),
        ("big.yaml", b"# " + b"x" * BIGGEST, "too big"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BlueprintUnreadable, match=says):
            load_yaml(tmp_path / name)
    with pytest.raises(BlueprintUnreadable, match="cannot be read"):
        load_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(BlueprintUnreadable, match="too big"):
        load_yaml("# x\n" * BIGGEST)


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    """By way of another one, too."""
    part = "blueprint: one\ncase: tests.yaml_parts:AskCase\nsteps:\n  part:\n    include: {}\n    then: END\n"
    (tmp_path / "a.yaml").write_text(part.format("b.yaml"))
    (tmp_path / "b.yaml").write_text(part.format("a.yaml"))

    with pytest.raises(BlueprintUnreadable, match=r"b\.yaml:5:14: a\.yaml includes itself"):
        load_yaml(tmp_path / "a.yaml")


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    """Nine lines that would stand for a billion words are not unfolded."""
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )

    assert (refused(bomb).line, refused(bomb).column) == (1, 4)


def test_words_that_yaml_would_read_as_something_else_are_words() -> None:
    """A step may be called `no` or `on`, and an owner `0123`: what is meant follows from the place."""
    text = STEP.replace("  draft:", "  no:").replace("then: END", "then: on\n    owner: 0123")
    flow = load_yaml(text + "  on:\n    agent: tests.yaml_parts:stand_in\n    then: END\n")

    assert list(flow.process().steps) == ["open", "no", "on", "dead_letter"]
    assert flow.process().steps["no"].owner == "0123"


def test_a_missing_import_inside_a_module_is_that_modules_own_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not told as a wrong name in the file."""
    (tmp_path / "broken_for_yaml.py").write_text("import nothing_of_the_kind\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="nothing_of_the_kind"):
        load_yaml(STEP.replace("tests.yaml_parts:draft", "broken_for_yaml:draft"))


def test_each_step_knows_its_place_in_the_file() -> None:
    """So that what the check finds can be told with it."""
    both = TOP + "  two:\n    parallel: [a, b]\n    then: END\n"

    assert load_yaml(STEP).process().places == {"draft": "<text>:4:3"}
    assert load_yaml(both).process().places == {"two": "<text>:4:3", "two.join": "<text>:4:3"}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_file_is_read_or_refused_in_our_words(data: st.DataObject) -> None:
    """A slip of the keyboard anywhere in a good file: never an error of Python or of the YAML parser."""
    text = dump_yaml(outer) + STEP.partition("steps:\n")[2].replace("  draft:", "  again:")
    place = data.draw(st.integers(0, len(text) - 1))
    cut = data.draw(st.integers(0, 3))
    slip = data.draw(st.text(st.sampled_from("abc:-#[]{}&*!|>'\"%@`\t\n \x00\ud800,?"), max_size=3))
    slipped = text[:place] + slip + text[place + cut :]
    try:
        load_yaml(slipped + "\n")
    except BlueprintError as error:
        assert isinstance(error, BlueprintUnreadable)
