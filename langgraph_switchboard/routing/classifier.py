"""A trained router: TF-IDF, linear support vectors, and one temperature.

    classifier = Classifier.fit(texts, topics, groups={"card_arrival": "account", ...})
    classifier.judge("Where is my new card?")     # label, topic, and how sure

It learns the finest topics and routes on groups of them: a coarse class would hide a
question from another world, and a group's probability is the plain sum over its topics.
The temperature is fitted on out-of-fold scores (Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017), with the vectoriser learned anew inside every fold: one that
has seen the held-out text makes the scores look better than they are. `familiarity` is a
conformal p-value over the same out-of-fold scores (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005).

A classifier never changes after `fit`, so that threads may share one. Answering needs
numpy alone, and well under a millisecond for a ticket of a few sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from langgraph_switchboard.errors import ConfigurationError, MissingExtra
from langgraph_switchboard.routing.arrays import Floats, Places, Scores, np
from langgraph_switchboard.routing.calibration import FOLDS, deal, fit_temperature, softmax
from langgraph_switchboard.routing.decision import Judgement
from langgraph_switchboard.routing.features import grams
from langgraph_switchboard.routing.vectors import Vectoriser

REGULARISATION = 1.0
"""C of the support vectors."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted router; make one with `fit` or `routing.store.load`.

    Args:
        topics: The topics, sorted; shape (topics,).
        labels: The group of each topic; the topic itself where none was given.
        vectoriser: The features and their weights.
        weights: One row per feature, one column per topic; float32.
        bias: One entry per topic; float32.
        temperature: Scores are divided by it before they become probabilities.
        known_scores: Sorted best out-of-fold scores of the training texts, at most 1,000.
        digest: Digest of what it was trained on and how.
    """

    topics: tuple[str, ...]
    labels: tuple[str, ...]
    vectoriser: Vectoriser
    weights: Floats
    bias: Floats
    temperature: float
    known_scores: Floats
    digest: str = ""

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        topics: Sequence[str],
        *,
        groups: Mapping[str, str] | None = None,
        seed: int = 0,
        digest: str = "",
    ) -> Self:
        """Learn from labelled texts; takes seconds for ten thousand, so keep it off the event loop.

        Args:
            texts: The training texts.
            topics: The topic of each text; at least two topics, and two texts of each.
            groups: The label of each topic; a topic that is not named is its own label.
            seed: Seed of the folds and of the solver; one seed, one classifier.
            digest: Kept with the classifier, to know it again; see `training.trained`.

        Raises:
            ConfigurationError: If there is too little to learn from.
            MissingExtra: If scikit-learn is not installed.
        """
        _check(texts, topics)
        counted = [grams(text) for text in texts]
        names = tuple(sorted(set(topics)))
        place = {name: column for column, name in enumerate(names)}
        truth = np.array([place[topic] for topic in topics])
        held_out = _held_out_scores(counted, truth, len(names), seed)
        vectoriser, machine = _learn(counted, truth, seed)
        weights, bias = _as_columns(machine, len(names))
        best = np.sort(held_out.max(axis=1))
        spread = np.linspace(0, len(best) - 1, min(len(best), 1000)).round().astype(int)
        return cls(
            topics=names,
            labels=tuple((groups or {}).get(name, name) for name in names),
            vectoriser=vectoriser,
            weights=weights,
            bias=bias,
            temperature=fit_temperature(held_out, truth),
            known_scores=best[spread].astype(np.float32),
            digest=digest,
        )

    def predict(self, text: str) -> list[tuple[str, float]]:
        """Every label with its probability, best first; the probabilities sum to one."""
        return self._ranked(self._probabilities(self._scores(text)))

    def predict_many(self, texts: Sequence[str]) -> list[list[tuple[str, float]]]:
        """`predict` for each text, in the order given."""
        return [self.predict(text) for text in texts]

    def predict_topics(self, text: str) -> list[tuple[str, float]]:
        """Every topic with its probability, best first."""
        chances = self._probabilities(self._scores(text))
        return [(self.topics[at], float(chances[at])) for at in np.argsort(-chances, kind="stable")]

    def judge(self, text: str) -> Judgement:
        """The likeliest label, its likeliest topic, how sure, and how familiar the text is."""
        scores = self._scores(text)
        chances = self._probabilities(scores)
        label, confidence = self._ranked(chances)[0]
        topic = max((at for at, group in enumerate(self.labels) if group == label), key=chances.__getitem__)
        below = int(np.searchsorted(self.known_scores, scores.max(), side="right"))
        return Judgement(
            label=label,
            confidence=min(1.0, confidence),
            topic=self.topics[topic],
            topic_confidence=min(1.0, float(chances[topic])),
            familiarity=(below + 1) / (len(self.known_scores) + 1),
        )

    @cached_property
    def _groups(self) -> tuple[tuple[str, ...], Places]:
        names = tuple(sorted(set(self.labels)))
        return names, np.array([names.index(label) for label in self.labels])

    def _scores(self, text: str) -> Scores:
        columns, values = self.vectoriser.row(grams(text))
        found = np.array(values, dtype=np.float32) @ self.weights[columns] if columns else 0
        return np.asarray(found + self.bias, dtype=np.float64)

    def _probabilities(self, scores: Scores) -> Scores:
        return softmax(scores[np.newaxis, :], self.temperature).ravel()

    def _ranked(self, chances: Scores) -> list[tuple[str, float]]:
        names, group = self._groups
        sums = np.bincount(group, weights=chances, minlength=len(names))
        return [(names[at], float(sums[at])) for at in np.argsort(-sums, kind="stable")]


def _held_out_scores(counted: Sequence[Counter[str]], truth: Places, topics: int, seed: int) -> Scores:
    """Score each text by a machine, vectoriser included, that has not seen it."""
    fold = deal(truth, seed=seed)
    # A topic may be missing from a fold: then nothing speaks for it there.
    scores = np.full((len(truth), topics), -1.0)
    for held_out in range(FOLDS):
        inside, outside = np.flatnonzero(fold != held_out).tolist(), np.flatnonzero(fold == held_out).tolist()
        if not outside:
            continue
        vectoriser, machine = _learn([counted[at] for at in inside], truth[inside], seed)
        weights, bias = _as_columns(machine, topics)
        scores[outside] = vectoriser.matrix(counted[at] for at in outside) @ weights + bias
    return scores


def _learn(counted: Sequence[Counter[str]], truth: Places, seed: int) -> tuple[Vectoriser, Any]:
    try:
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise MissingExtra("scikit-learn", "routing", why="Training a router") from error
    vectoriser = Vectoriser.learn(counted)
    machine = LinearSVC(C=REGULARISATION, max_iter=5000, random_state=seed)
    machine.fit(vectoriser.matrix(counted), truth)
    return vectoriser, machine


def _as_columns(machine: Any, topics: int) -> tuple[Floats, Floats]:
    """A machine's weights with one column for every topic, seen or not; two topics have one row only."""
    rows, offsets = np.asarray(machine.coef_), np.asarray(machine.intercept_)
    if len(rows) == 1:
        rows, offsets = np.vstack([-rows, rows]), np.concatenate([-offsets, offsets])
    weights = np.zeros((rows.shape[1], topics), dtype=np.float32)
    bias = np.full(topics, -1.0, dtype=np.float32)
    weights[:, machine.classes_] = rows.T
    bias[machine.classes_] = offsets
    return weights, bias


def _check(texts: Sequence[str], topics: Sequence[str]) -> None:
    if len(texts) != len(topics):
        raise ConfigurationError(
            "every training text needs one topic", came=f"{len(texts)} texts and {len(topics)} topics"
        )
    sizes = Counter(topics)
    few = sorted(topic for topic, size in sizes.items() if size < 2)
    if len(sizes) < 2 or few:
        raise ConfigurationError(
            "there is too little to learn from",
            wanted="at least two topics, and two texts of each",
            came=f"{len(sizes)} topics" + (f"; one text only of {', '.join(few[:5])}" if few else ""),
            mend="Add labelled texts.",
        )
