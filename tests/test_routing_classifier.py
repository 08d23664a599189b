"""The trained router on a world small enough to see through: three topics, two labels."""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from langgraph_switchboard.errors import ConfigurationError, InputRefused, MissingExtra
from langgraph_switchboard.routing import store
from langgraph_switchboard.routing.arrays import np
from langgraph_switchboard.routing.calibration import Calibration, fit_temperature, softmax
from langgraph_switchboard.routing.classifier import Classifier
from langgraph_switchboard.routing.features import READ_AT_MOST, grams, stem
from langgraph_switchboard.routing.scores import clopper_pearson
from langgraph_switchboard.routing.training import load_groups, load_labelled, trained
from langgraph_switchboard.routing.vectors import Vectoriser

WORDS = {
    "exchange_rate": "rate currency euro dollar convert exchange market today",
    "extra_fee": "fee charged extra statement billed cost unexpected amount",
    "card_arrival": "card post delivery arrive waiting letter envelope tracked",
}
ANYBODY = ["my", "the", "why", "please", "is"]
GROUPS = {"exchange_rate": "billing", "extra_fee": "billing", "card_arrival": "account"}


def labelled(each: int = 20) -> tuple[list[str], list[str]]:
    """Made-up tickets: four words of the topic, and two that anybody uses."""
    chance = Random(7)
    rows = [
        (
            " ".join([*chance.sample(words.split(), 4), *chance.sample(ANYBODY, 2)]),
            topic,
        )
        for topic, words in WORDS.items()
        for _ in range(each)
    ]
    return [text for text, _ in rows], [topic for _, topic in rows]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.fit(*labelled(), groups=GROUPS)


@pytest.fixture
def training_file(tmp_path: Path) -> Path:
    path = tmp_path / "topics.jsonl"
    rows = zip(*labelled(), strict=True)
    lines = [json.dumps({"text": text, "topic": topic, "department": GROUPS[topic]}) for text, topic in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_label_is_the_sum_of_its_topics(classifier: Classifier) -> None:
    """Routing reads groups, scope reads topics, and the two never disagree."""
    topics = dict(classifier.predict_topics("why was I charged an extra fee"))
    labels = classifier.predict("why was I charged an extra fee")
    judged = classifier.judge("why was I charged an extra fee")

    assert labels[0][0] == judged.label == "billing"
    assert labels[0][1] == pytest.approx(topics["exchange_rate"] + topics["extra_fee"])
    assert judged.topic == "extra_fee"
    assert judged.topic_confidence == pytest.approx(topics["extra_fee"])
    assert sum(topics.values()) == pytest.approx(1.0)


def test_what_is_known_besides_the_text_weighs_by_bayes_rule(classifier: Classifier) -> None:
    """Evidence changes the odds of two topics by its own factor, and familiarity not at all."""
    text = "why was I charged an extra fee"
    chances = dict(classifier.predict_topics(text))
    plain = classifier.judge(text)
    same = classifier.judge(text, {"extra_fee": 0.2, "exchange_rate": 0.2, "card_arrival": 0.2})
    told = classifier.judge(text, {"extra_fee": 1e-30})
    weighed = chances["exchange_rate"] + chances["card_arrival"] + chances["extra_fee"] * 1e-30

    assert same == plain
    assert told.topic != "extra_fee"
    assert told.topic_confidence == pytest.approx(chances[told.topic] / weighed)
    assert told.familiarity == plain.familiarity


def test_without_groups_every_topic_is_its_own_label() -> None:
    """The plainest use: texts, labels, an answer, best first."""
    ranked = Classifier.fit(*labelled()).predict("when does my card arrive")

    assert ranked[0][0] == "card_arrival"
    assert [chance for _, chance in ranked] == sorted((chance for _, chance in ranked), reverse=True)


def test_what_it_never_saw_is_unfamiliar(classifier: Classifier) -> None:
    """Words from another world, no words at all and a wall of noise leave it strange, never broken."""
    ordinary = classifier.judge("card post delivery arrive my please").familiarity
    strange = [classifier.judge(text).familiarity for text in ("bonsai orchids in spring", "", "\x00" * 99)]

    assert ordinary > 0.1
    assert max(strange) < 0.05


def test_a_very_long_text_is_read_in_part() -> None:
    """A text of a megabyte costs no more than its beginning."""
    assert grams("card " * 400_000) == grams(("card " * 400_000)[:READ_AT_MOST])


def test_one_seed_makes_one_classifier(classifier: Classifier) -> None:
    """Training is repeatable to the bit."""
    again = Classifier.fit(*labelled(), groups=GROUPS)

    assert np.array_equal(again.weights, classifier.weights)
    assert again.calibration.temperature == classifier.calibration.temperature


def test_threads_share_one_classifier(classifier: Classifier) -> None:
    """It never changes after `fit`: many threads get what one gets."""
    texts = labelled()[0]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(classifier.judge, texts * 5))

    assert together == [classifier.judge(text) for text in texts] * 5


def test_too_little_to_learn_from_is_said() -> None:
    """One topic, one text of a topic, and lists that do not match are refused before any fitting."""
    with pytest.raises(ConfigurationError, match="too little to learn from"):
        Classifier.fit(["a card", "the card"], ["card", "card"])
    with pytest.raises(ConfigurationError, match="one text only of rate"):
        Classifier.fit(["a card", "the card", "a rate", "?!"], ["card", "card", "rate", "rate"])
    with pytest.raises(ConfigurationError, match="needs one topic"):
        Classifier.fit(["a"], [])


def test_a_missing_extra_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional packages the error says what to install, and why."""
    for name in ("sklearn.svm", "scipy.stats"):
        monkeypatch.setitem(sys.modules, name, None)  # the interpreter's own way to say: not there

    with pytest.raises(MissingExtra, match=r"scikit-learn.*langgraph-switchboard\[routing\]"):
        Classifier.fit(*labelled())
    with pytest.raises(MissingExtra, match=r"scipy.*langgraph-switchboard\[evals\]"):
        clopper_pearson(1, 2)


def test_the_smallest_training_set_works() -> None:
    """Two topics with two texts each are little, and enough to run."""
    small = Classifier.fit(["my card", "the card", "a rate", "the rate"], ["card", "card", "rate", "rate"])

    assert small.predict("card?")[0][0] == "card"


def test_temperature_undoes_what_was_put_on() -> None:
    """Scores that are logits times five need a temperature of five."""
    chance = np.random.default_rng(0)
    logits = chance.normal(size=(4000, 5)) * 2
    truth = np.array([chance.choice(5, p=row) for row in softmax(logits)])

    assert fit_temperature(logits * 5, truth) == pytest.approx(5, rel=0.06)
    plain = Calibration.fit(logits * 5, truth, np.arange(5))
    assert np.allclose(plain.probabilities(logits * 5), softmax(logits), atol=0.02)


def test_endings_fold_alike() -> None:
    """What matters of a stem is that the forms of one word meet."""
    assert len({stem(word) for word in ("charge", "charges", "charged", "charging")}) == 1
    assert len({stem(word) for word in ("top", "topped", "topping")}) == 1
    assert stem("is") == "is"


def test_the_unknown_part_of_a_text_makes_its_numbers_small() -> None:
    """A fully known text has length one; half of it unknown, clearly less."""
    vectoriser = Vectoriser.learn([grams("the card is here"), grams("the rate is fine")])
    known, half = (
        vectoriser.row(grams(text))[1] for text in ("the card is here", "the card xylophone quartz")
    )

    assert sum(value**2 for value in known) == pytest.approx(1.0)
    assert sum(value**2 for value in half) < 0.6


def test_a_stored_classifier_answers_as_the_fitted_one(classifier: Classifier, tmp_path: Path) -> None:
    """Saving loses nothing, and writes one file that holds no pickled object."""
    path = tmp_path / "new" / "folder" / "router.npz"
    store.save(classifier, path)

    loaded = store.load(path)

    assert [loaded.judge(text) for text in labelled()[0]] == [
        classifier.judge(text) for text in labelled()[0]
    ]
    assert [file.name for file in path.parent.iterdir()] == ["router.npz"]


def test_reading_a_classifier_runs_no_code(tmp_path: Path) -> None:
    """A file with a pickled object inside is refused unread: the object would choose what runs."""

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "went off",)

    path = tmp_path / "router.npz"
    np.savez(path, head=np.array([Bomb()], dtype=object))

    with pytest.raises(InputRefused, match="Train it again"):
        store.load(path)
    assert not (tmp_path / "went off").exists()

    with np.load(path, allow_pickle=True) as arrays:  # the control: this is what must not happen
        arrays["head"]
    assert (tmp_path / "went off").exists()


@pytest.mark.parametrize("damage", ["cut", "empty", "missing", "other parts", "other version"])
def test_a_damaged_classifier_is_refused(classifier: Classifier, tmp_path: Path, damage: str) -> None:
    """Half a file, no file, or parts that do not fit never become a router."""
    path = tmp_path / "router.npz"
    store.save(classifier, path)
    with np.load(path) as arrays:
        parts = {name: arrays[name] for name in arrays.files}
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "missing":
        path.unlink()
    elif damage == "other parts":
        np.savez(path, allow_pickle=False, **{**parts, "weights": parts["weights"][:-1]})
    else:
        head = parts["head"].tobytes().replace(store.made_by().encode(), b"0/ancient")
        np.savez(path, allow_pickle=False, **{**parts, "head": np.frombuffer(head, dtype=np.uint8)})

    with pytest.raises(InputRefused, match="no classifier that this version can read"):
        store.load(path)


async def test_a_router_is_trained_once_per_training_set(training_file: Path, tmp_path: Path) -> None:
    """The cache serves the very same rows, and nothing else."""
    cache = tmp_path / "cache"
    first = await asyncio.to_thread(trained, training_file, cache)
    (file,) = cache.iterdir()
    written = file.stat().st_mtime_ns

    again = trained(training_file, cache)
    assert (again.digest, file.stat().st_mtime_ns) == (first.digest, written)

    with training_file.open("a", encoding="utf-8") as more:
        more.write('\n{"text": "one more card", "topic": "card_arrival", "department": "account"}')
    assert trained(training_file, cache).digest != first.digest
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_cache_is_fitted_again(training_file: Path, tmp_path: Path) -> None:
    """A half-written file costs a training, never a wrong answer."""
    first = trained(training_file, tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:100])

    assert trained(training_file, tmp_path / "cache").digest == first.digest
    assert store.load(file).digest == first.digest


def test_a_router_learned_from_prepared_texts_is_another_one(training_file: Path, tmp_path: Path) -> None:
    """What is done to the texts counts as training data: the cache never mixes the two."""
    plain = trained(training_file, tmp_path)
    loud = trained(training_file, tmp_path, prepare=lambda text: text.replace("fee", "levy"))
    assert plain.digest != loud.digest
    assert trained(training_file, tmp_path).digest == plain.digest
    assert loud.judge("levy").topic == "extra_fee"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{broken", "line 2: this is not JSON"),
        ('["a list"]', "line 2: this is no JSON object"),
        ('{"topic": "a", "department": "x"}', "line 2: the field 'text' holds no text"),
        ('{"text": "  ", "topic": "a", "department": "x"}', "line 2: the field 'text' holds no text"),
        ('{"text": "hello", "topic": "a", "department": "y"}', "line 2: the topic 'a' is in two groups"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    """A training file is refused with the number of the line that is wrong."""
    path = tmp_path / "topics.jsonl"
    path.write_text(f'{{"text": "hi", "topic": "a", "department": "x"}}\n{line}\n', encoding="utf-8")

    with pytest.raises(InputRefused, match=says):
        load_labelled(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """No file, no UTF-8, no rows: each says so."""
    latin, empty = tmp_path / "latin.jsonl", tmp_path / "empty.jsonl"
    latin.write_bytes('{"text": "Gebühr"}'.encode("latin-1"))
    empty.write_text("\n\n", encoding="utf-8")

    for path, says in ((tmp_path / "none", "cannot be read"), (latin, "not UTF-8"), (empty, "no labelled")):
        with pytest.raises(InputRefused, match=says):
            load_labelled(path)


def test_groups_read_marks_and_notes_as_what_they_are(tmp_path: Path) -> None:
    """The first list that names a topic is its group; a note is no group."""
    path = tmp_path / "map.json"
    path.write_text('{"note": "ours", "billing": ["fee"], "high_stakes": ["fee", "theft"]}', encoding="utf-8")

    assert load_groups(path) == {"fee": "billing", "theft": "high_stakes"}
