"""From scores to probabilities that mean what they say.

Topics get one temperature (Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern
Neural Networks", ICML 2017). A label is judged twice: by the sum over its topics, and by a
machine that learned labels alone. Two numbers weigh the two opinions, as in stacking
(Wolpert, "Stacked Generalization", Neural Networks, 1992); together they err less than
either. The three numbers are fitted together, on out-of-fold scores: the right topics shall
be as likely as can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from langgraph_switchboard.routing.arrays import Places, Scores, np

FOLDS = 5
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Calibration:
    """How scores become probabilities.

    Scores have one column per topic and then, if labels are more than the topics' own
    names, one column per label.

    Args:
        groups: The place of each topic's label, shape (topics,).
        temperature: What the topics' scores are divided by.
        trust_topics: Weight of the sum over topics when a label is judged.
        trust_label: Weight of the label's own score; 0 if there is none.
    """

    groups: Places
    temperature: float = 1.0
    trust_topics: float = 1.0
    trust_label: float = 0.0

    @classmethod
    def fit(cls, scores: Scores, truth: Places, groups: Places) -> Calibration:
        """Fit to the scores of texts that the machines have not seen.

        Args:
            scores: Shape (texts, topics) or (texts, topics + labels).
            truth: The column of the right topic of each text, shape (texts,).
            groups: The place of each topic's label, shape (topics,).
        """
        from scipy.optimize import minimize  # comes with scikit-learn, hence late

        of_topics, of_labels = np.split(scores, [len(groups)], axis=1)
        start = fit_temperature(of_topics, truth)
        if not of_labels.shape[1]:
            return cls(groups, start)

        def made_of(log_temperature: float, trust_topics: float, trust_label: float) -> Calibration:
            return cls(groups, float(np.exp(log_temperature)), float(trust_topics), float(trust_label))

        def surprise(numbers: tuple[float, float, float]) -> float:
            return _surprise(made_of(*numbers).probabilities(scores), truth)

        near = {"xatol": 1e-3, "fatol": 1e-5}
        return made_of(*minimize(surprise, (np.log(start), 1.0, 1.0), method="Nelder-Mead", options=near).x)

    def probabilities(self, scores: Scores) -> Scores:
        """Probability of every topic, shape (texts, topics); a label's is the sum over its topics."""
        of_topics, of_labels = np.split(scores, [len(self.groups)], axis=1)
        chances = softmax(of_topics, self.temperature)
        if not of_labels.shape[1]:
            return chances
        sums = self.by_label(chances)
        evidence = self.trust_topics * np.log(np.maximum(sums, _TINY)) + self.trust_label * of_labels
        labels = softmax(evidence)
        return np.asarray(chances * (labels / np.maximum(sums, _TINY))[:, self.groups])

    def by_label(self, chances: Scores) -> Scores:
        """Sum the topics' probabilities over each label, shape (texts, labels)."""
        return np.asarray(chances @ self._membership)

    @cached_property
    def _membership(self) -> Scores:
        return np.eye(int(self.groups.max()) + 1)[self.groups]


def softmax(scores: Scores, temperature: float = 1.0) -> Scores:
    """Scores of shape (texts, classes) as probabilities; a high temperature makes them even."""
    scaled = scores / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(scores: Scores, truth: Places) -> float:
    """The temperature under which the truth is likeliest; between 0.01 and 10.

    Args:
        scores: Scores of texts the model has not seen, shape (texts, classes).
        truth: The column of the right class of each text, shape (texts,).
    """
    from scipy.optimize import minimize_scalar  # comes with scikit-learn, hence late

    def surprise(log_temperature: float) -> float:
        return _surprise(softmax(scores, float(np.exp(log_temperature))), truth)

    found = minimize_scalar(surprise, bounds=(np.log(0.01), np.log(10)), method="bounded")
    return float(np.exp(found.x))


def deal(truth: Places, *, seed: int) -> Places:
    """The fold of each text: those of one topic are dealt out evenly, and at random.

    Args:
        truth: The column of the right topic of each text, shape (texts,).
        seed: Seed of the shuffle.
    """
    order = np.random.default_rng(seed).permutation(len(truth))
    by_topic = order[np.argsort(truth[order], kind="stable")]
    fold = np.empty(len(truth), dtype=np.int64)
    fold[by_topic] = np.arange(len(truth)) % FOLDS
    return fold


def _surprise(chances: Scores, truth: Places) -> float:
    return -float(np.log(np.maximum(chances[np.arange(len(truth)), truth], _TINY)).mean())
