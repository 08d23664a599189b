"""The router on real messages: BANKING77, as three agents and as 77 topics.

Trained on the public training set, and trained on our own tickets alone. Nothing was chosen
by looking at the test set; floors stand a little under what was measured.
"""

from pathlib import Path
from time import perf_counter

import pytest

from langgraph_switchboard.routing import scores
from langgraph_switchboard.routing.arrays import np
from langgraph_switchboard.routing.calibration import fit_temperature, softmax
from langgraph_switchboard.routing.classifier import Classifier
from langgraph_switchboard.routing.features import grams
from langgraph_switchboard.routing.report import measure
from langgraph_switchboard.routing.training import Labelled, fit, load_groups, load_labelled

pytestmark = pytest.mark.data

OWN = Path(__file__).parent.parent / "evals" / "datasets" / "topics.jsonl"


def messages(data_dir: Path, part: str) -> list[Labelled]:
    """The messages of BANKING77, grouped by our desk's three agents."""
    folder = data_dir / "banking77"
    groups = load_groups(folder / "desk_map.json")
    return load_labelled(folder / f"{part}.jsonl", topic="intent", groups=groups)


def test_trained_on_its_own_train_set_it_routes_and_knows_how_well(data_dir: Path) -> None:
    """Three agents at least .94, 77 topics at least .895, calibration error at most .03 for both."""
    train, test = messages(data_dir, "train"), messages(data_dir, "test")

    start = perf_counter()
    classifier = fit(train)
    seconds = perf_counter() - start
    figures = measure(classifier, test)

    print(f"\ntrained on {len(train):,} of BANKING77 in {seconds:.1f} s; {figures}")
    assert figures.label_accuracy >= 0.94
    assert figures.topic_accuracy >= 0.895
    assert max(figures.label_ece, figures.topic_ece) <= 0.03

    strangers = load_labelled(data_dir / "clinc150" / "val.jsonl", topic="intent")
    far = [one.text for one in strangers if one.group not in {"banking", "credit_cards"}]
    passed = sum(_would_be_automated(classifier, text) for text in far) / len(far)
    believed = sum(classifier.judge(text).confidence >= 0.7 for text in far) / len(far)
    print(f"{passed:.1%} of {len(far):,} questions from other worlds would be answered alone")
    assert passed <= 0.2
    assert believed > 2 * passed  # the control: confidence alone would let them through


def test_trained_on_our_own_tickets_alone_it_routes_strangers_messages(data_dir: Path) -> None:
    """The cold start, stated honestly: no message of BANKING77 was learned from."""
    own, test = load_labelled(OWN), messages(data_dir, "test")

    figures = measure(fit(own), test)

    print(f"\ntrained on {len(own):,} tickets of our own; {figures}")
    assert {row.text.casefold() for row in own}.isdisjoint(row.text.casefold() for row in test)
    assert figures.label_accuracy >= 0.935
    assert figures.topic_accuracy >= 0.80
    assert figures.label_ece <= 0.03


def test_confidence_without_held_out_scores_is_worth_nothing(data_dir: Path) -> None:
    """The control of calibration: no temperature, or one fitted on texts already learned, is far off."""
    rows = messages(data_dir, "train")
    few, rest = rows[::12], rows[1::12]
    fitted = Classifier.fit([row.text for row in few], [row.topic for row in few])
    seen, truth = _scores(fitted, few), _places(fitted, few)
    unseen, answer = _scores(fitted, rest), _places(fitted, rest)

    def error(temperature: float) -> float:
        chances = softmax(unseen, temperature)
        right = (chances.argmax(axis=1) == answer).tolist()
        return scores.expected_calibration_error(chances.max(axis=1).tolist(), right)

    honest = error(fitted.calibration.temperature)

    print(
        f"\nECE held out {honest:.3f}, learned {error(fit_temperature(seen, truth)):.3f}, none {error(1):.3f}"
    )
    assert honest < 0.08
    assert error(fit_temperature(seen, truth)) > 2 * honest
    assert error(1) > 5 * honest


def _would_be_automated(classifier: Classifier, text: str) -> bool:
    judged = classifier.judge(text)
    return judged.confidence >= 0.7 and judged.familiarity >= 0.05


def _scores(classifier: Classifier, rows: list[Labelled]) -> np.ndarray:
    matrix = classifier.vectoriser.matrix(grams(row.text) for row in rows)
    return np.asarray(matrix @ classifier.weights + classifier.bias, dtype=np.float64)


def _places(classifier: Classifier, rows: list[Labelled]) -> np.ndarray:
    return np.array([classifier.topics.index(row.topic) for row in rows])
