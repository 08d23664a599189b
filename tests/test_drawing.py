"""The drawing of a process as mermaid text."""

from langgraph_switchboard import END, Blueprint
from tests.test_check import Approval, Case, draft, reviewed, send, sound

GOLDEN = """\
flowchart TD
    s_open(["open"])
    s_draft["draft"]
    s_stand_in["stand_in"]
    s_gate{"gate"}
    s_review[/"review"\\]
    s_send[["send"]]
    s_dead_letter[("dead_letter")]
    finish(("END"))
    s_open --> s_draft
    s_open -.-> s_dead_letter
    s_draft --> s_gate
    s_draft -.-> s_stand_in
    s_stand_in --> s_gate
    s_stand_in -.-> s_review
    s_gate -- sure --> s_send
    s_gate -- unsure --> s_review
    s_gate -.-> s_review
    s_review --> s_send
    s_review -- rejected --> finish
    s_review -.-> s_dead_letter
    s_send --> finish
    s_send -.-> s_dead_letter
    s_dead_letter --> finish
    classDef review fill:#fff3c4,stroke:#b7791f,color:#222
    classDef dead_letter fill:#f3d6d6,stroke:#9b2c2c,color:#222
    class s_review review
    class s_dead_letter dead_letter
"""


def test_a_process_is_drawn_with_its_kinds_its_ways_and_its_fallbacks() -> None:
    """Every step and every way is there, failures dashed, and the same text comes every time."""
    assert sound().mermaid() == GOLDEN
    assert sound().mermaid() == sound().mermaid()


def test_names_that_mermaid_would_read_as_its_own_words_are_drawn() -> None:
    """A step may be called as its author likes; no two share an id, and no sign becomes markup."""
    one = Blueprint("tiny", case=Case)
    one.step(draft, name="end", then='say "hello"')
    one.step(draft, name='say "hello"', then="say -hello-")
    one.step(draft, name="say -hello-", then=END)
    lines = one.mermaid().splitlines()
    assert '    s_end["end"]' in lines
    assert '    s_say__hello_["say #quot;hello#quot;"]' in lines
    assert '    s_say__hello__["say -hello-"]' in lines
    assert "    s_say__hello_ --> s_say__hello__" in lines


def test_a_destination_that_is_no_step_is_drawn_as_such() -> None:
    """A process can be looked at before it is sound."""
    one = Blueprint("tiny", case=Case)
    one.review("review", of="answer", decides=Approval, then="sedn")
    one.effect(send)
    text = one.mermaid()
    assert '    s_sedn["sedn: no such step"]\n' in text
    assert "    s_review --> s_sedn\n" in text
    assert "    class s_sedn unknown\n" in text


def test_what_several_ways_share_is_drawn_once_for_each() -> None:
    """A gate that is unsure and a gate that fails lead to one person by two lines."""
    one = Blueprint("tiny", case=Case)
    one.gate("gate", of="answer", sure="review", unsure="review")
    reviewed(one)
    lines = [line.strip() for line in one.mermaid().splitlines() if "s_gate -" in line]
    assert lines == [
        "s_gate -- sure --> s_review",
        "s_gate -- unsure --> s_review",
        "s_gate -.-> s_review",
    ]
