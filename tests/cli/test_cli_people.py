"""`switchboard case | cases | reviews | decide`: what people ask and answer."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import SMALL, Command, Said

pytestmark = pytest.mark.pg


@pytest.fixture
def waiting(switchboard: Command, tmp_path: Path) -> tuple[str, str]:
    """A case that waits for a person, and its review."""
    file = tmp_path / f"{uuid4().hex[:8]}.jsonl"
    file.write_text('{"id": "q1", "text": "where is it?"}\n')
    assert switchboard("run", file, "--flow", SMALL).code == 0
    case = f"{file.stem}/q1"
    reviews = switchboard("case", case, "--flow", SMALL, "--json").json()["reviews"]
    return case, reviews[0]["review_id"]


def decide(switchboard: Command, review: str, *words: str) -> Said:
    return switchboard("decide", review, *words, "--flow", SMALL)


def test_a_case_tells_its_story(switchboard: Command, waiting: tuple[str, str]) -> None:
    """Who got what, gave what and decided what, with confidence and time, and what to do next."""
    case, review = waiting

    told = switchboard("case", case, "--flow", SMALL).out

    for words in (
        case, "small v1  waiting: confidence 0.20 is under 0.80", "text: where is it?",
        "got message; gave route; confidence 0.90; -> ask", "its last sign",
        "got message; gave reply", "text: We do not know: where is it?",
        "confidence 0.20 (needs 0.80); -> review", "asks a person", " ms",
        f"waits for a person: switchboard reviews {review}",
    ):  # fmt: skip
        assert words in told
    assert max(map(len, told.split("\n"))) <= 100


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_no_id_is_cut_on_any_screen(
    switchboard: Command, waiting: tuple[str, str], settings: pytest.MonkeyPatch, columns: str
) -> None:
    """Ids are there to be copied: a narrow screen wraps prose, never an id."""
    case, review = waiting
    settings.setenv("COLUMNS", columns)
    assert review in switchboard("reviews", "--limit", "1000").out
    assert case in switchboard("cases", "--batch", case.split("/")[0]).out
    assert f"reviews {review}" in switchboard("case", case, "--flow", SMALL).out


def test_reviews_are_listed_and_shown_whole(switchboard: Command, waiting: tuple[str, str]) -> None:
    """A person sees why, what is to be decided, what it rests on, and the answers there are."""
    case, review = waiting

    listed, shown = switchboard("reviews", "--limit", "1000"), switchboard("reviews", review)

    assert "in 3 h" in listed.out
    assert "decide it:      switchboard decide rv-" in listed.err
    for words in (case, "Why: confidence 0.20 is under 0.80", "reply (to decide on)", "text: where is it?"):
        assert words in shown.out
    assert f"switchboard decide {review} approve | edit" in shown.err
    rows = switchboard("reviews", "--limit", "1000", "--json").json()
    assert review in [row["review_id"] for row in rows]
    assert switchboard("reviews", review, "--json").json()["status"] == "open"


def test_an_approved_reply_goes_out(switchboard: Command, waiting: tuple[str, str]) -> None:
    """The case goes on at once, and the story says who decided."""
    case, review = waiting

    done = decide(switchboard, review, "approve", "--by", "ada")

    assert (done.code, done.out) == (0, f"ada decides: approve. The case {case} is finished.\n")
    told = switchboard("case", case, "--flow", SMALL).out
    assert "ada decides: approve" in told
    assert "puts 'reply' into the outbox" in told
    assert "ends: finished" in told
    assert "Decided by ada: approve" in switchboard("reviews", review).out


def test_who_comes_second_is_told_who_was_first(switchboard: Command, waiting: tuple[str, str]) -> None:
    """Law 4: one decision stands; the second one changes nothing and learns of the first."""
    case, review = waiting
    assert decide(switchboard, review, "approve", "--by", "ada").code == 0

    second = decide(switchboard, review, "reject", "-m", "no", "--by", "bob")

    second.refused("review_decided", "ada decided first: approve", "nothing was changed")
    assert switchboard("case", case, "--flow", SMALL, "--json").json()["case"]["status"] == "finished"


@pytest.mark.parametrize(
    ("words", "sent", "status"),
    [
        (["edit", "--edit", '{"text": "In the post."}'], "In the post.", "finished"),
        (["respond", "-m", "It is on its way."], "It is on its way.", "finished"),
        (["reject", "-m", "spam"], None, "declined"),
    ],
)
def test_a_person_edits_responds_or_rejects(
    switchboard: Command, waiting: tuple[str, str], words: list[str], sent: str | None, status: str
) -> None:
    """An edit keeps what it does not name; a response goes out as it is; a rejection ends the case."""
    case, review = waiting

    assert decide(switchboard, review, *words, "--by", "ada").code == 0

    told = switchboard("case", case, "--flow", SMALL, "--json").json()
    assert told["case"]["status"] == status
    rows = [one["event"]["data"].get("row") for one in told["story"]]
    texts = [json.dumps(row) for row in rows if row]
    assert sent is None or sent in (told["state"]["reply"]["text"], *texts)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["aprove"], ["decision_malformed", "The review stays open"]),
        (["respond"], ["decision_malformed", "The review stays open"]),
        (["edit"], ["decision_malformed", "The review stays open"]),
        (["edit", "--edit", "{"], ["--edit is no JSON", "The review stays open"]),
        (["edit", "--edit", "[1]"], ["--edit is no JSON object", "wanted"]),
        (["edit", "--edit", '{"text": ""}'], ["decision_malformed", "text"]),
        (["edit", "--edit", '{"txt": "x"}'], ["decision_malformed", "txt"]),
        (["edit", "--edit", '{"confidence": 7}'], ["decision_malformed", "confidence"]),
    ],
)  # fmt: skip
def test_a_malformed_answer_leaves_the_review_open(
    switchboard: Command, waiting: tuple[str, str], words: list[str], says: list[str]
) -> None:
    """It is told what is wrong, and the right answer still goes through."""
    _, review = waiting

    decide(switchboard, review, *words).refused(*says)

    assert switchboard("reviews", review, "--json").json()["status"] == "open"


def test_unknown_ids_are_told_with_a_hint(switchboard: Command) -> None:
    """Whoever mistypes an id learns which command lists them."""
    switchboard("case", "no/such", "--flow", SMALL).refused("no case 'no/such'", "switchboard cases")
    switchboard("resume", "no/such", "--flow", SMALL).refused("no case 'no/such'")
    switchboard("reviews", "rv-no").refused("no review 'rv-no'", "switchboard reviews")
    decide(switchboard, "rv-no", "approve").refused("no review 'rv-no'", "switchboard reviews")
    switchboard("cases", "--status", "lost").refused("no such status", "one of accepted, running, waiting")


def test_cases_are_listed_by_status_and_batch(switchboard: Command, waiting: tuple[str, str]) -> None:
    """Only those asked for; the counts belong to the same selection."""
    case, _ = waiting
    batch = case.split("/")[0]

    waits = switchboard("cases", "--batch", batch, "--status", "waiting")
    none = switchboard("cases", "--batch", batch, "--status", "finished")

    assert case in waits.out
    assert waits.err.endswith("1 waiting\n")
    assert none.out == ""
    assert [row["case_id"] for row in switchboard("cases", "--batch", batch, "--json").json()] == [case]


def test_a_case_that_waits_stays_so_when_resumed(switchboard: Command, waiting: tuple[str, str]) -> None:
    """Resuming neither asks the question again nor answers it."""
    case, review = waiting
    assert switchboard("resume", case, "--flow", SMALL).out == f"The case {case} is waiting.\n"
    assert switchboard("reviews", review, "--json").json()["version"] == 1


def test_a_case_of_a_flow_that_is_not_here_says_how_to_name_it(
    switchboard: Command, waiting: tuple[str, str]
) -> None:
    """The desk of this project is not the flow of that case."""
    case, review = waiting
    for words in (("case", case), ("decide", review, "approve"), ("resume", case)):
        switchboard(*words).refused("small", "--flow")


# -- what the inbox does besides -----------------------------------------------------------------


def test_a_review_is_claimed_handed_on_and_decided(switchboard: Command, waiting: tuple[str, str]) -> None:
    """Who looks at it, who has to answer it and what was decided, each told and each shown."""
    case, review = waiting
    said = switchboard("reviews", "claim", review, "--by", "ada", "--flow", SMALL)
    assert said.out == "ada is looking at it.\n"
    said = switchboard("reviews", "claim", review, "--by", "bob", "--flow", SMALL)
    assert said.out == "bob took it over from ada.\n"
    assert "bob is looking at it" in switchboard("reviews", "show", review).out
    assert switchboard("reviews", "release", review, "--by", "bob").out == "nobody is looking at it.\n"
    said = switchboard("reviews", "escalate", review, "--to", "leads", "-m", "not mine", "--by", "ada")
    assert said.out == "ada handed it on. It waits for leads.\n"
    rows = switchboard("reviews", "--group", "leads", "--json", "--limit", "1000").json()
    assert review in [row["review_id"] for row in rows]
    done = switchboard("reviews", "decide", review, "approve", "--by", "ada", "--flow", SMALL)
    assert done.out == f"ada decides: approve. The case {case} is finished.\n"
    switchboard("reviews", "undo", review, "--by", "ada").refused("review_closed", "too late")


def test_a_decision_is_taken_back_in_the_terminal(
    switchboard: Command, waiting: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where decisions are held: the case waits, and the one who decided takes it back."""
    monkeypatch.setenv("SWITCHBOARD_UNDO", "600")
    case, review = waiting
    held = decide(switchboard, review, "reject", "-m", "no", "--by", "ada")
    assert held.out == f"ada decides: reject. The case {case} goes on with it in 600 s.\n"
    assert f"reviews undo {review}" in held.err
    switchboard("reviews", "undo", review, "--by", "bob").refused("review_not_yours", "ada decided")
    assert "The review is open" in switchboard("reviews", "undo", review, "--by", "ada").out
    assert switchboard("reviews", review, "--json").json()["status"] == "open"


def test_reviews_are_searched_in_the_terminal(switchboard: Command, waiting: tuple[str, str]) -> None:
    """By words anywhere in what is shown, by risk, and by who looks at them."""
    case, review = waiting

    def found(*words: str) -> list[str]:
        rows = switchboard("reviews", *words, "--json", "--limit", "1000").json()
        return [row["review_id"] for row in rows]

    assert found("--search", case) == [review]
    assert found("--search", case, "--risk", "high") == []
    assert found("--search", case, "--mine") == []
    assert found("--search", case, "--overdue") == []
