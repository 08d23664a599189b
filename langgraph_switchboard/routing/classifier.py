"""A trained router: TF-IDF, linear support vectors, calibrated probabilities.

    classifier = Classifier.fit(texts, topics, groups={"card_arrival": "account", ...})
    classifier.judge("Where is my new card?")     # label, topic, how sure, how familiar

It learns the finest topics and routes on groups of them: a coarse class would hide a
question from another world. Probabilities are fitted on out-of-fold scores, with the
vectoriser learned anew inside every fold, so that a held-out text has left no trace in what
scores it. `familiarity` is a conformal p-value over the same scores
(Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005).

A classifier never changes after `fit`, so that threads may share one. Answering needs
numpy alone, and well under a millisecond for a ticket of a few sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from langgraph_switchboard.errors import ConfigurationError, MissingExtra
from langgraph_switchboard.routing.arrays import Floats, Places, Scores, np
from langgraph_switchboard.routing.calibration import FOLDS, Calibration, deal
from langgraph_switchboard.routing.decision import Judgement
from langgraph_switchboard.routing.features import grams
from langgraph_switchboard.routing.vectors import Vectoriser

REGULARISATION = 1.0
"""C of the support vectors."""

Learned = tuple[Vectoriser, Floats, Floats]
"""Features, weights with a column per class, and the bias of each class."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted router; make one with `fit`, `store.load` or `training.trained`.

    Args:
        topics: The topics, sorted.
        labels: The labels, sorted.
        vectoriser: The features and their weights.
        weights: One row per feature; one column per topic, then per label; float32.
        bias: One entry per column of the weights; float32.
        calibration: How scores become probabilities; knows the label of each topic.
        known_scores: Sorted best out-of-fold scores of the training texts, at most 1,000.
        digest: Digest of what it was trained on.
    """

    topics: tuple[str, ...]
    labels: tuple[str, ...]
    vectoriser: Vectoriser
    weights: Floats
    bias: Floats
    calibration: Calibration
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
        names = tuple(sorted(set(topics)))
        label_of = [(groups or {}).get(name, name) for name in names]
        labels = tuple(sorted(set(label_of)))
        task = _Task(
            counted=[grams(text) for text in texts],
            truth=np.array([names.index(topic) for topic in topics]),
            groups=np.array([labels.index(label) for label in label_of]),
            seed=seed,
        )
        held_out, (vectoriser, weights, bias) = task.learn_all()
        best = np.sort(held_out[:, : len(names)].max(axis=1))
        spread = np.linspace(0, len(best) - 1, min(len(best), 1000)).round().astype(int)
        return cls(
            topics=names,
            labels=labels,
            vectoriser=vectoriser,
            weights=weights,
            bias=bias,
            calibration=Calibration.fit(held_out, task.truth, task.groups),
            known_scores=best[spread].astype(np.float32),
            digest=digest,
        )

    def predict(self, text: str) -> list[tuple[str, float]]:
        """Every label with its probability, best first; the probabilities sum to one."""
        chances = self.calibration.probabilities(self._scores(text))
        return _ranked(self.labels, self.calibration.by_label(chances)[0])

    def predict_many(self, texts: Sequence[str]) -> list[list[tuple[str, float]]]:
        """`predict` for each text, in the order given."""
        return [self.predict(text) for text in texts]

    def predict_topics(self, text: str) -> list[tuple[str, float]]:
        """Every topic with its probability, best first."""
        return _ranked(self.topics, self.calibration.probabilities(self._scores(text))[0])

    def judge(self, text: str, evidence: Mapping[str, float] | None = None) -> Judgement:
        """The likeliest label, its likeliest topic, how sure, and how familiar the text is.

        Args:
            text: The text.
            evidence: What is known besides the text: how likely that is under each topic, up to a
                common factor (Bayes' rule); above 0, and 1 for a topic that is not named.
                Familiarity is about the text alone.
        """
        scores = self._scores(text)
        chances = self.calibration.probabilities(scores)
        if evidence is not None:
            chances = chances * np.array([evidence.get(topic, 1.0) for topic in self.topics])
            chances = chances / chances.sum()
        sums = self.calibration.by_label(chances)[0]
        label = int(sums.argmax())
        topic = int(np.where(self.calibration.groups == label, chances[0], -1.0).argmax())
        best = scores[0, : len(self.topics)].max()
        fitted_no_better = int(np.searchsorted(self.known_scores, best, side="right"))
        return Judgement(
            label=self.labels[label],
            confidence=min(1.0, float(sums[label])),
            topic=self.topics[topic],
            topic_confidence=min(1.0, float(chances[0, topic])),
            familiarity=(fitted_no_better + 1) / (len(self.known_scores) + 1),
        )

    def _scores(self, text: str) -> Scores:
        columns, values = self.vectoriser.row(grams(text))
        found = np.array(values, dtype=np.float32) @ self.weights[columns] if columns else 0
        return np.asarray(found + self.bias, dtype=np.float64)[np.newaxis, :]


@dataclass(frozen=True)
class _Task:
    """What is to be learned: counted texts, the place of each one's topic, of each topic's label."""

    counted: Sequence[Counter[str]]
    truth: Places
    groups: Places
    seed: int

    def learn_all(self) -> tuple[Scores, Learned]:
        """Score each text by what has not seen it, vectoriser included; and learn from all of them.

        One fold after the other: the solver's random numbers are one row per process, so
        that threads would make each fit another one.
        """
        fold = deal(self.truth, seed=self.seed)
        whole = self.learn(range(len(fold)))
        scores = np.empty((len(fold), len(whole[2])))
        for place in range(min(FOLDS, len(fold))):
            inside, outside = np.flatnonzero(fold != place), np.flatnonzero(fold == place)
            vectoriser, weights, bias = self.learn(inside.tolist())
            scores[outside] = vectoriser.matrix(self.counted[at] for at in outside.tolist()) @ weights + bias
        return scores, whole

    def learn(self, rows: Sequence[int]) -> Learned:
        """Learn from these rows: a vectoriser, weights with a column per class, and the biases."""
        vectoriser = Vectoriser.learn([self.counted[at] for at in rows])
        matrix = vectoriser.matrix(self.counted[at] for at in rows)
        truth = self.truth[list(rows)]
        parts = [self._separate(matrix, truth, len(self.groups))]
        if 1 < len(set(self.groups.tolist())) < len(self.groups):
            parts.append(self._separate(matrix, self.groups[truth], int(self.groups.max()) + 1))
        return (
            vectoriser,
            np.hstack([weights for weights, _ in parts]),
            np.hstack([bias for _, bias in parts]),
        )

    def _separate(self, matrix: Any, truth: Places, classes: int) -> tuple[Floats, Floats]:
        try:
            from sklearn.svm import LinearSVC
        except ImportError as error:
            raise MissingExtra("scikit-learn", "routing", why="Training a router") from error
        machine = LinearSVC(C=REGULARISATION, max_iter=5000, random_state=self.seed).fit(matrix, truth)
        rows, offsets = machine.coef_, machine.intercept_
        if len(rows) == 1:  # two classes are told apart by one row
            rows, offsets = np.vstack([-rows, rows]), np.concatenate([-offsets, offsets])
        # Nothing speaks for a class that these rows do not hold: it keeps no weight, and bias -1.
        weights = np.zeros((matrix.shape[1], classes), dtype=np.float32)
        bias = np.full(classes, -1.0, dtype=np.float32)
        weights[:, machine.classes_] = rows.T
        bias[machine.classes_] = offsets
        return weights, bias


def _ranked(names: Sequence[str], chances: Scores) -> list[tuple[str, float]]:
    return [(names[at], float(chances[at])) for at in np.argsort(-chances, kind="stable")]


def _check(texts: Sequence[str], topics: Sequence[str]) -> None:
    if len(texts) != len(topics):
        raise ConfigurationError(
            "every training text needs one topic", came=f"{len(texts)} texts and {len(topics)} topics"
        )
    sizes = Counter(topic for text, topic in zip(texts, topics, strict=True) if grams(text))
    few = sorted(topic for topic, size in sizes.items() if size < 2)
    if len(sizes) < 2 or few:
        raise ConfigurationError(
            "there is too little to learn from",
            wanted="at least two topics, and two texts with words of each",
            came=f"{len(sizes)} topics" + (f"; one text only of {', '.join(few[:5])}" if few else ""),
            mend="Add labelled texts.",
        )
