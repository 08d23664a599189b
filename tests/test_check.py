"""The check: each kind of fault in a tiny blueprint, beside the same blueprint without it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

import pytest

from graphs.support_desk import desk
from langgraph_switchboard import END, Blueprint
from langgraph_switchboard.contracts import CaseState, Contract, Decision
from langgraph_switchboard.errors import BlueprintError
from langgraph_switchboard.graphs import Finding, Process, check
from langgraph_switchboard.nodes import Edge, Step, Take


class Question(Contract):
    """What is asked."""

    text: str


class Answer(Contract):
    """What is answered."""

    text: str
    confidence: float = 1.0


class Approval(Decision):
    """What a person says about the answer."""

    edited: Answer | None = None


class Sent(Contract):
    """The mark that it has left."""

    key: str


class Case(CaseState):
    """A question and what becomes of it."""

    question: Question
    answer: Answer | None = None
    approval: Approval | None = None
    sent: Sent | None = None


async def draft(question: Question) -> Answer:
    """Answer it."""
    return Answer(text=question.text)


async def stand_in(question: Question) -> Answer:
    """Answer it in need."""
    return Answer(text=question.text)


async def send(answer: Answer) -> Sent:
    """Send it."""
    return Sent(key=answer.text)


async def send_or_excuse(question: Question, answer: Answer | None) -> Sent:
    """Send it, or say that there is none."""
    return Sent(key=question.text)


def is_long(answer: Answer) -> Literal["review", "send"]:
    """Where an answer goes."""
    return "review" if len(answer.text) > 100 else "send"


def was_approved(approval: Approval | None) -> Literal["send", "draft"]:
    """Where it goes by what a person said."""
    return "send" if approval else "draft"


def blueprint(owner: str = "somebody") -> Blueprint:
    return Blueprint("tiny", case=Case, owner=owner)


def reviewed(one: Blueprint, name: str = "review") -> None:
    one.review(name, of="answer", decides=Approval, then="send", expires="3d")


def sound() -> Blueprint:
    """Draft -> gate -> (review ->) send, with a stand-in and a person behind it."""
    one = blueprint()
    one.step(draft, then="gate", fallback=stand_in)
    one.step(stand_in, then="gate", fallback="review")
    one.gate("gate", of="answer", sure=send, unsure="review")
    reviewed(one)
    one.effect(send, then=END, fallback="dead_letter")
    return one


CARE = ("no_way_down", "no_expiry", "never_read")
"""What a tiny blueprint leaves out, and is not meant where it shows another fault."""


def findings(one: Blueprint) -> list[Finding]:
    """What is found at its steps; the fields of the case that a tiny blueprint leaves alone aside."""
    found = [finding for finding in one.check() if finding.step != "open" and finding.code not in CARE]
    return [replace(finding, place="") for finding in found]


def only(one: Blueprint, code: str) -> Finding:
    """The only finding, which is of this kind."""
    (finding,) = findings(one)
    assert finding.code == code
    return finding


def test_a_sound_blueprint_has_no_finding() -> None:
    """What cannot fail is not refused."""
    assert sound().check() == []


def test_the_support_desk_has_no_finding() -> None:
    """The desk that we ship is clean, warnings included."""
    assert desk.check() == []


def test_a_step_that_needs_what_nobody_gives_is_refused() -> None:
    """A required contract is written on every path to the step."""
    one = blueprint()
    one.effect(send)
    finding = only(one, "missing_contract")
    assert (finding.step, finding.path) == ("send", ("open", "send"))
    assert "no other step gives" in finding.says
    assert finding.is_error


def test_a_step_behind_a_failure_lacks_what_the_failed_step_would_have_given() -> None:
    """A fallback carries nothing of the output of the step that failed."""
    one = blueprint()
    one.step(draft, then=send, fallback=send)
    one.effect(send)
    finding = only(one, "missing_contract")
    assert finding.path == ("open", "draft", "send")
    assert "'draft' is left by its way 'fallback'" in finding.says
    assert "take `answer: Answer | None`" in finding.mend
    # the same with a parameter that may be absent
    right = blueprint()
    right.step(draft, then=send_or_excuse, fallback=send_or_excuse)
    right.effect(send_or_excuse)
    assert findings(right) == []


def test_a_step_before_the_one_that_gives_is_told_whom_to_wait_for() -> None:
    """The mend names the steps that give the field."""
    one = blueprint()
    one.step(send, then=draft, name="early")
    one.step(draft, then=END)
    finding = only(one, "missing_contract")
    assert finding.step == "early"
    assert "Let 'draft' run before it" in finding.mend


def test_what_a_rejection_does_not_write_is_missing_behind_it() -> None:
    """A rejected subject is no approved one: only the decision is written."""
    one = blueprint()
    one.review("review", of="answer", decides=Approval, then=END, rejected=send)
    one.effect(send)
    finding = only(one, "missing_contract")
    assert (finding.step, finding.path) == ("send", ("open", "review", "send"))
    assert "'review' is left by its way 'rejected'" in finding.says
    # approved, it is there
    right = blueprint()
    reviewed(right)
    right.effect(send)
    assert findings(right) == []


def test_a_gate_needs_what_it_judges() -> None:
    """A gate reads its subject, and what its rule for people reads."""
    one = blueprint()
    one.gate("gate", of="answer", sure=END, unsure=END)
    finding = only(one, "missing_contract")
    assert (finding.step, finding.path) == ("gate", ("open", "gate"))
    assert "| None" not in finding.mend


def test_a_condition_reads_after_its_own_step_has_written() -> None:
    """The output of the step itself is there for the condition that follows it."""
    right = blueprint()
    right.step(draft, then=is_long)
    reviewed(right)
    right.effect(send)
    assert findings(right) == []
    # but not the output of another step
    one = blueprint()
    one.step(send_or_excuse, then=is_long, name="excuse")
    reviewed(one)
    one.effect(send)
    finding = next(found for found in findings(one) if found.step == "excuse")
    assert finding.code == "missing_contract"
    assert "its condition needs 'answer'" in finding.says


def test_a_loop_gives_nothing_before_its_first_round() -> None:
    """What is written later in a loop is not there when the loop is entered."""
    one = blueprint()
    one.step(send, then="review", name="first")
    one.review("review", of="answer", decides=Approval, then=END, rejected="first")
    finding = only(one, "missing_contract")
    assert finding.path == ("open", "first")


def test_the_path_that_is_shown_is_a_shortest_one() -> None:
    """Of several paths on which a field is missing the shortest tells enough."""
    one = blueprint()
    one.step(draft, then="gate", fallback="second")
    one.step(draft, name="second", then="gate", fallback="third")
    one.step(draft, name="third", then="gate", fallback=send)
    one.gate("gate", of="answer", sure=send, unsure="review")
    one.review("review", of="answer", decides=Approval, then=send, rejected=send)
    one.effect(send)
    finding = only(one, "missing_contract")
    assert finding.path == ("open", "draft", "second", "third", "send")


def test_an_optional_field_that_comes_too_late_is_a_warning() -> None:
    """An optional parameter that can never be there is a mistake, but a harmless one."""
    one = blueprint()
    one.step(send_or_excuse, then=draft)
    one.step(draft, then=END)
    finding = only(one, "never_written")
    assert (finding.step, finding.is_error) == ("send_or_excuse", False)
    assert finding.path == ("open", "send_or_excuse")
    right = blueprint()
    right.step(draft, then=send_or_excuse, fallback=send_or_excuse)
    right.effect(send_or_excuse)
    assert findings(right) == []


def test_a_condition_that_looks_at_what_comes_too_late_is_a_warning() -> None:
    """Conditions are looked at as steps are."""
    one = blueprint()
    one.step(draft, then=was_approved, max_visits=3)
    one.effect(send)
    assert [str(found) for found in findings(one)] == [
        "never_written at 'draft': it looks at 'approval', which no step writes before. [open -> draft] "
        "Let a step that gives it run first, or drop the parameter."
    ]


def test_a_field_of_the_case_that_nothing_touches_is_a_warning() -> None:
    """A case keeps no field that no step gives."""

    class Wider(Case):
        """A case with a field too many."""

        spare: Answer | None = None

    one = Blueprint("tiny", case=Wider, owner="somebody")
    one.step(draft, then=END, gives="answer")
    told = [found for found in one.check() if found.code not in CARE]
    assert [(found.code, found.step, found.is_error) for found in told] == [
        ("never_written", "open", False)
    ] * 3
    assert "'spare' of Wider" in told[-1].says


def test_a_review_without_a_draft_is_no_fault() -> None:
    """Where there is no draft a person writes it."""
    one = blueprint()
    reviewed(one)
    one.effect(send)
    assert findings(one) == []


def test_a_destination_that_is_no_step_is_refused_with_the_nearest_name() -> None:
    """A mistyped name is found, and only told once: what it was to reach is not called unreachable."""
    one = blueprint()
    one.step(draft, then="gaet")
    one.gate("gate", of="answer", sure=END, unsure=END)
    finding = only(one, "unknown_destination")
    assert (finding.step, finding.path) == ("draft", ("open", "draft", "gaet"))
    assert finding.mend == "Did you mean 'gate'?"


def test_every_way_of_a_step_is_looked_at() -> None:
    """Fallbacks, gates and reviews can be mistyped too."""
    one = blueprint()
    one.step(draft, then="gate", fallback="nobody")
    one.gate("gate", of="answer", sure="away", unsure="review")
    one.review("review", of="answer", decides=Approval, then=END, rejected="elsewhere")
    assert [(found.code, found.step, found.path[-1]) for found in findings(one)] == [
        ("unknown_destination", "draft", "nobody"),
        ("unknown_destination", "gate", "away"),
        ("unknown_destination", "review", "elsewhere"),
    ]


def test_no_way_leads_back_to_the_opening() -> None:
    """A case is opened once."""
    one = blueprint()
    one.step(draft, then="open")
    finding = only(one, "unknown_destination")
    assert finding.mend == "Did you mean 'draft', the first step?"


def test_a_step_that_no_path_reaches_is_refused() -> None:
    """A step that is only reached from steps that nobody reaches is as lost as they are."""
    one = sound()
    one.step(draft, name="island", then="beach")
    one.step(draft, name="beach", then="gate")
    assert [(found.code, found.step) for found in findings(one)] == [
        ("unreachable_step", "island"),
        ("unreachable_step", "beach"),
    ]


def test_a_loop_that_is_left_only_by_failing_is_refused_once() -> None:
    """A loop without a bound is none of ours: some way leads out of it."""
    one = blueprint()
    one.step(draft, then="second")
    one.step(draft, name="second", then="third", fallback="review")
    one.step(draft, name="third", then="second")
    one.review("review", of="answer", decides=Approval, then=END)
    finding = only(one, "no_way_out")
    assert (finding.step, finding.path) == ("second", ("open", "draft", "second", "third", "second"))
    # with a condition that can go on, the loop is one
    right = blueprint()
    right.step(draft, then="review")
    right.review("review", of="answer", decides=Approval, then=END, rejected=draft)
    assert findings(right) == []


def test_a_step_that_only_leads_to_itself_is_refused() -> None:
    """The smallest loop is a loop."""
    one = blueprint()
    one.step(draft, then="draft")
    assert only(one, "no_way_out").path == ("open", "draft", "draft")


def test_a_success_that_is_set_aside_is_refused() -> None:
    """The dead letter is for failures; a case in which nothing failed ends."""
    one = blueprint()
    one.step(draft, then="second")
    one.step(draft, name="second", then="dead_letter")
    finding = only(one, "no_way_out")
    assert (finding.step, finding.path) == ("second", ("open", "draft", "second", "dead_letter"))


def test_a_step_does_not_fall_back_on_itself() -> None:
    """What fails is not sent where it failed."""
    one = blueprint()
    one.step(draft, then=END, fallback=draft)
    finding = only(one, "fallback_to_itself")
    assert finding.path == ("open", "draft", "draft")


def test_steps_do_not_fall_back_on_each_other() -> None:
    """A ladder goes down: however many rungs fail, no rung is met twice."""
    one = blueprint()
    one.step(draft, then=END, fallback="second")
    one.step(draft, name="second", then=END, fallback="third")
    one.step(draft, name="third", then=END, fallback="second")
    finding = only(one, "fallback_cycle")
    assert (finding.step, finding.path) == ("second", ("open", "draft", "second", "third", "second"))
    right = blueprint()
    right.step(draft, then=END, fallback="second")
    right.step(draft, name="second", then=END)
    assert findings(right) == []


def test_a_gate_whose_doubt_falls_back_on_the_gate_is_a_cycle() -> None:
    """A gate that cannot judge takes its unsure way; who waits there must not send it back by failing."""
    one = blueprint()
    one.step(draft, then="gate", fallback="dead_letter")
    one.gate("gate", of="answer", sure=END, unsure=stand_in)
    one.step(stand_in, then=END, fallback="gate")
    assert only(one, "fallback_cycle").path == ("open", "draft", "gate", "stand_in", "gate")


def test_a_review_that_falls_back_on_who_falls_back_on_it_is_a_cycle() -> None:
    """People stand on the ladder as steps do."""
    one = sound()
    process = one.process()
    review = process.steps["review"]
    edges = tuple(Edge("fallback", "stand_in") if edge.way == "fallback" else edge for edge in review.edges)
    steps = {**process.steps, "review": replace(review, edges=edges)}
    (finding,) = check(replace(process, steps=steps))
    assert (finding.code, finding.path[-3:]) == ("fallback_cycle", ("stand_in", "review", "stand_in"))


def test_a_step_that_nobody_answers_for_is_a_warning() -> None:
    """Every step has an owner, its own or the blueprint's."""
    one = blueprint(owner="")
    one.step(draft, then=send)
    one.effect(send, owner="post")
    finding = only(one, "no_owner")
    assert (finding.step, finding.is_error) == ("draft", False)


def test_errors_come_first_then_the_order_of_declaration() -> None:
    """The same blueprint gives the same list, the gravest on top."""
    one = blueprint(owner="")
    one.step(draft, then=send, fallback=send)
    one.effect(send, then="nowhere")
    assert [(found.code, found.step) for found in findings(one)] == [
        ("unknown_destination", "send"),
        ("missing_contract", "send"),
        ("no_owner", "draft"),
        ("no_owner", "send"),
    ]


@pytest.mark.parametrize("owner", ["somebody", ""], ids=["sound", "with warnings"])
def test_warnings_do_not_refuse_a_blueprint(owner: str) -> None:
    """Only errors keep a process from running."""
    one = blueprint(owner=owner)
    one.step(draft, then=END)
    assert one.build().nodes.keys() >= {"open", "draft"}


def test_a_blueprint_with_errors_is_not_built() -> None:
    """What the check refuses never runs, and the error carries the findings."""
    one = blueprint()
    one.effect(send)
    with pytest.raises(BlueprintError, match=r"missing_contract at 'send'.*\[open -> send\]") as refused:
        one.build()
    assert refused.value.findings == [finding for finding in one.check() if finding.is_error]


def _ladder(length: int, needs: str) -> Blueprint:
    """A long chain of steps in which each may be skipped by failing."""
    one = blueprint()
    for place in range(length):
        one.step(draft, name=f"s{place}", then=f"s{place + 1}", fallback=f"s{min(place + 2, length)}")
    last: Callable[..., Awaitable[Contract]] = send if needs == "answer" else draft
    one.step(last, name=f"s{length}", then=END)
    return one


def _wide() -> Process:
    """Every step needs two fields that nothing writes."""
    process = _ladder(498, "question").process()
    takes = (Take("approval", Approval), Take("sent", Sent))
    steps: dict[str, Step] = {
        name: replace(step, takes=takes) if step.kind == "step" else step
        for name, step in process.steps.items()
    }
    return replace(process, steps=steps)


@pytest.mark.parametrize(
    ("process", "errors"),
    [(_ladder(498, "question").process(), 0), (_ladder(498, "answer").process(), 1), (_wide(), 998)],
    ids=["sound", "one missing", "all missing"],
)
def test_five_hundred_steps_are_checked_in_under_a_second(process: Process, errors: int) -> None:
    """The check is no reason to wait."""
    started = time.perf_counter()
    found = check(process)
    assert time.perf_counter() - started < 1
    assert sum(finding.is_error for finding in found) == errors
