"""The drawing of a process as an SVG of our own."""

import re
from xml.etree import ElementTree

from graphs.support_desk import desk
from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.graphs.svg import svg
from tests.test_check import Approval, Case, draft, send, sound
from tests.yaml_parts import AskCase, outer
from tests.yaml_parts import draft as answer

SVG = "{http://www.w3.org/2000/svg}"


def steps(drawing: str) -> dict[str, str]:
    """The classes of each step that is drawn, by its name."""
    root = ElementTree.fromstring(drawing)
    return {
        one.attrib["data-step"]: one.attrib["class"]
        for one in root.iter(f"{SVG}g")
        if "data-step" in one.attrib
    }


def test_every_step_is_drawn_by_its_kind_and_so_is_the_end() -> None:
    """The dead letter is a mark on the steps that fall to it, not a box with a line from each."""
    found = steps(svg(desk.process()))

    assert set(found) == {*desk.process().steps, END} - {"dead_letter"}
    assert found["review"] == "sb-step sb-review"
    assert found["supervisor"] == "sb-step sb-supervisor"
    assert svg(sound().process()).count('class="sb-falls"') == 1


def test_the_same_process_gives_the_same_drawing() -> None:
    """So that a page made of it is stale only when the process has changed."""
    assert svg(desk.process()) == svg(desk.process())


def test_the_way_of_a_case_stands_out_and_where_it_is_has_a_pin() -> None:
    """Only the lines that it went along, each from the latest step that leads there."""
    taken = ["open", "intake", "supervisor", "billing", "generalist", "gate", "review"]
    drawing = svg(desk.process(), taken=taken, here={"review"})

    assert drawing.count("sb-tie sb-taken") + drawing.count("sb-fallback sb-taken") == len(taken) - 1
    assert drawing.count('class="sb-pin"') == 1
    assert "sb-step-taken" not in steps(drawing)["faq"]
    assert steps(drawing)["review"] == "sb-step sb-review sb-step-taken sb-here"
    assert "sb-taken" not in re.sub(r"<style>.*?</style>", "", svg(desk.process()), flags=re.DOTALL)


def test_a_case_inside_an_included_process_stands_in_its_box() -> None:
    """Steps inside are told of as `step.inner`; a former name is the step that it became."""
    flow = Blueprint("one", case=AskCase, renamed={"was": "after"})
    flow.include(outer, name="part", then={"finished": "after"})
    flow.step(answer, name="after", then=END)
    inside = svg(flow.process(), taken=["open", "part", "part.open", "part.draft"], here={"part.draft"})
    later = svg(flow.process(), taken=["open", "part", "part.draft", "was"], here={"was"})

    assert steps(inside)["part"] == "sb-step sb-include sb-step-taken sb-here"
    assert later.count("sb-tie sb-taken") == 2
    assert steps(later)["after"].endswith("sb-here")


def test_a_case_that_was_set_aside_is_shown_where_it_went() -> None:
    """Then the dead letter is a box, with the line that the case took."""
    drawing = svg(
        sound().process(), taken=["open", "draft", "gate", "send", "dead_letter"], here={"dead_letter"}
    )

    assert steps(drawing)["dead_letter"].endswith("sb-here")
    assert "sb-fallback sb-taken" in drawing


def test_names_are_text_and_never_markup() -> None:
    """A step may be called as its author likes; the drawing stays well formed, and holds no script."""
    evil = '"><script>alert(1)</script>'
    one = Blueprint("<b>tiny</b>", case=Case)
    one.step(draft, name=evil, then="sedn & more")
    one.review("review", of="answer", decides=Approval, then="send")
    one.effect(send)
    drawing = svg(one.process(), links={evil: 'javascript:"x"'})

    assert evil in steps(drawing)
    assert steps(drawing)["sedn & more"] == "sb-step sb-unknown"
    assert "<script" not in drawing


def test_it_loads_nothing() -> None:
    """No address, no font, no picture: it can be mailed, printed and kept."""
    drawing = svg(desk.process(), links={"faq": "#faq"})

    assert re.findall(r"https?://[^\"]+", drawing) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in drawing
    assert '<a href="#faq">' in drawing
