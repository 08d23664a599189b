"""From scores to probabilities that mean what they say.

Temperature scaling: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural
Networks", ICML 2017. One number, so that it cannot change which topic comes first.
"""

from __future__ import annotations

from langgraph_switchboard.routing.arrays import Places, Scores, np

FOLDS = 5


def softmax(scores: Scores, temperature: float) -> Scores:
    """Scores of shape (texts, topics) as probabilities; a high temperature makes them even."""
    scaled = scores / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(scores: Scores, truth: Places) -> float:
    """The temperature under which the truth is likeliest; between 0.01 and 10.

    Args:
        scores: Scores of texts the model has not seen, shape (texts, topics).
        truth: The column of the right topic of each text, shape (texts,).
    """
    from scipy.optimize import minimize_scalar  # comes with scikit-learn, hence late

    rows = np.arange(len(truth))

    def surprise(log_temperature: float) -> float:
        chances = softmax(scores, float(np.exp(log_temperature)))[rows, truth]
        return -float(np.log(np.maximum(chances, 1e-12)).mean())

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
