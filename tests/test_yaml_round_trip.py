"""YAML says what Python says: a blueprint written down and read again is the same blueprint."""

import inspect
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.support_desk import desk
from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs import dump_yaml, load_yaml, yaml_schema
from langgraph_switchboard.graphs.yaml_forms import forms, top
from tests.yaml_parts import AskCase, blueprints, draft, foreign, outer, values

ROOT = Path(__file__).parent.parent
VALIDATOR = jsonschema.Draft7Validator(yaml_schema())


@settings(max_examples=200, deadline=None)
@given(blueprints())
def test_any_blueprint_comes_back_as_it_was(flow: Blueprint) -> None:
    """The same process, field by field and by its digest; the same text; and the schema accepts it."""
    text = dump_yaml(flow)
    again = load_yaml(text)

    assert again.process() == flow.process()
    assert again.process().digest == flow.process().digest
    assert dump_yaml(again) == text
    VALIDATOR.validate(yaml.safe_load(text))


def test_the_support_desk_comes_back_as_it_was() -> None:
    """A real one, which was written in Python."""
    text = dump_yaml(desk)

    assert load_yaml(text).process() == desk.process()
    assert load_yaml(text).check() == []
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "line",
    [
        "within: 4h",
        "fallback: generalist",
        "always: nodes.high_stakes:is_high_stakes",
        "owner: support-operations",
    ],
)
def test_a_line_that_got_lost_would_be_noticed(line: str) -> None:
    """The control: a file that says one thing less is another process."""
    lines = dump_yaml(desk).splitlines(keepends=True)
    del lines[[one.strip() for one in lines].index(line)]

    assert load_yaml("".join(lines)).process() != desk.process()


def test_every_keyword_of_every_declaration_is_a_key() -> None:
    """What Python learns to say, YAML says from the same signature; the random blueprints learn it here."""
    known = values(st.just("draft"))
    parameters = {form.parameter_of(key) for form in forms().values() for key in form.entries}

    assert parameters == set(known)
    assert [
        f"{form.head}: {key}"
        for form in forms().values()
        for key, one in form.entries.items()
        if not one.says
    ] == []
    assert [key for key, one in top().entries.items() if not one.says] == []


def test_every_declaration_of_a_blueprint_has_a_form() -> None:
    """A method that declares steps and has no form in YAML would be missed when a blueprint is written."""
    declaring = {name for name, one in inspect.getmembers(Blueprint) if hasattr(one, "__wrapped__")}
    assert declaring == {form.verb for form in forms().values()}


def test_a_graph_of_another_kind_is_found_by_its_name_in_its_module() -> None:
    """A Runnable does not know what it is called; it is looked for."""
    flow = Blueprint("one", case=AskCase, owner="somebody")
    flow.step(foreign, name="asked", takes=["ask"], gives="answer", then=END)
    text = dump_yaml(flow)

    assert "agent: tests.yaml_parts:foreign" in text
    assert load_yaml(text).process().digest == flow.process().digest


def test_a_blueprint_inside_may_stand_in_a_file_beside(tmp_path: Path) -> None:
    """It is named by its file, found beside the one that names it, and written down by that name."""
    (tmp_path / "inner.yaml").write_text(dump_yaml(outer), encoding="utf-8")
    file = tmp_path / "one.yaml"
    file.write_text(
        "blueprint: one\ncase: tests.yaml_parts:AskCase\n"
        "steps:\n  part:\n    include: inner.yaml\n    then: {finished: END}\n"
    )
    flow = load_yaml(file)

    assert flow.process().included["part"] == outer.process()
    assert dump_yaml(flow).endswith("  part:\n    include: inner.yaml\n    then:\n      finished: END\n")


def test_code_without_a_name_is_refused_with_the_step_that_uses_it() -> None:
    """A lambda cannot be named in text; nobody is to find out when the file is read."""
    flow = Blueprint("one", case=AskCase)
    flow.gate("gate", of="answer", sure=END, unsure=END, always=lambda: None)

    with pytest.raises(BlueprintError, match=r"gate: always: .*lambda.* cannot be written as text") as raised:
        dump_yaml(flow)
    assert "top of a module" in raised.value.mend


@pytest.mark.parametrize("name", ["END", "nodes.support:billing"])
def test_a_step_whose_name_would_mean_something_else_is_refused(name: str) -> None:
    """Better no file than one that says another process."""
    flow = Blueprint("one", case=AskCase)
    flow.step(draft, then=name)

    with pytest.raises(BlueprintError, match="means something else in YAML"):
        dump_yaml(flow)


def test_the_first_line_tells_an_editor_where_the_schema_is() -> None:
    """As the YAML language server has it; without a schema there is no such line."""
    assert dump_yaml(desk, schema="s.json").startswith("# yaml-language-server: $schema=s.json\nblueprint: ")
    assert dump_yaml(desk).startswith("blueprint: support_desk\n")


@pytest.mark.parametrize("file", sorted((ROOT / "graphs").glob("*.yaml")), ids=lambda file: file.name)
def test_the_files_of_this_repository_fit_the_schema_that_they_name(file: Path) -> None:
    """An editor that completes them finds the schema, and has nothing to mark."""
    text = file.read_text(encoding="utf-8")
    named = text.splitlines()[0].partition("$schema=")[2]

    assert json.loads((file.parent / named).read_text(encoding="utf-8")) == yaml_schema()
    VALIDATOR.validate(yaml.safe_load(text))
    assert load_yaml(dump_yaml(load_yaml(file))).process() == load_yaml(file).process()


def test_the_schema_is_one_and_refuses_what_the_reader_refuses() -> None:
    """An editor marks an unknown key, a missing one and a wrong word before anything is run."""
    jsonschema.Draft7Validator.check_schema(yaml_schema())
    json.dumps(yaml_schema())
    good = yaml.safe_load(dump_yaml(desk))
    changes: list[tuple[str, dict[str, object]]] = [
        ("faq", {"falback": "review"}),
        ("faq", {"then": None}),
        ("review", {"on_expiry": "approve"}),
        ("send", {"when": "amount > 100"}),
        ("faq", {"timeout": "soon"}),
    ]
    for step, change in changes:
        bad = {**good, "steps": {**good["steps"], step: {**good["steps"][step], **change}}}
        assert not VALIDATOR.is_valid(bad), change
    assert VALIDATOR.is_valid(good)
