"""The figures of a router on labelled texts it has not seen.

python -m langgraph_switchboard.routing.report --train A --test B --map GROUPS --topic intent
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from langgraph_switchboard.routing import scores
from langgraph_switchboard.routing.cascade import UNFAMILIAR
from langgraph_switchboard.routing.classifier import Classifier
from langgraph_switchboard.routing.training import Labelled, fit, load_groups, load_labelled


@dataclass(frozen=True)
class Figures:
    """How good a classifier is on labelled texts; shares are from 0 to 1."""

    cases: int
    labels: int
    topics: int
    label_accuracy: float
    label_interval: scores.Interval
    """Wilson's interval at 95 %."""
    topic_accuracy: float
    topic_interval: scores.Interval
    label_ece: float
    """Expected calibration error of the labels, 15 bins."""
    topic_ece: float
    topic_brier: float
    threshold: float
    automated: scores.Coverage
    """At the threshold, and familiar: what would be automated, and how much of it is right."""

    def __str__(self) -> str:
        label, topic = self.label_interval, self.topic_interval
        return (
            f"{self.cases:,} texts\n"
            f"label  ({self.labels:>3}): accuracy {self.label_accuracy:.3f} "
            f"[{label.low:.3f}, {label.high:.3f}], ECE {self.label_ece:.3f}\n"
            f"topic  ({self.topics:>3}): accuracy {self.topic_accuracy:.3f} "
            f"[{topic.low:.3f}, {topic.high:.3f}], ECE {self.topic_ece:.3f}, "
            f"Brier {self.topic_brier:.3f}\n"
            f"at {self.threshold:g}: {self.automated.share:.1%} automated, "
            f"{1 - self.automated.accuracy:.1%} of them wrong"
        )


def measure(
    classifier: Classifier,
    rows: Sequence[Labelled],
    *,
    threshold: float = 0.7,
    unfamiliar: float = UNFAMILIAR,
) -> Figures:
    """Score a classifier on labelled texts that it was not trained on.

    Args:
        classifier: The fitted router.
        rows: The labelled texts.
        threshold: Confidence in the label from which a case counts as automated.
        unfamiliar: Familiarity below which it does not.
    """
    judged = [classifier.judge(row.text) for row in rows]
    ranked = [classifier.predict_topics(row.text) for row in rows]
    right = [one.label == row.group for one, row in zip(judged, rows, strict=True)]
    best = [one[0] for one in ranked]
    topic_right = [topic == row.topic for (topic, _), row in zip(best, rows, strict=True)]
    usable = [one.confidence if one.familiarity >= unfamiliar else 0.0 for one in judged]
    return Figures(
        cases=len(rows),
        labels=len(classifier.labels),
        topics=len(classifier.topics),
        label_accuracy=scores.accuracy(right),
        label_interval=scores.wilson(sum(right), len(right)),
        topic_accuracy=scores.accuracy(topic_right),
        topic_interval=scores.wilson(sum(topic_right), len(topic_right)),
        label_ece=scores.expected_calibration_error([one.confidence for one in judged], right),
        topic_ece=scores.expected_calibration_error([chance for _, chance in best], topic_right),
        topic_brier=scores.brier([dict(one) for one in ranked], [row.topic for row in rows]),
        threshold=threshold,
        automated=scores.coverage(usable, right, threshold),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on one file, score on another, and write the figures to standard output."""
    parser = argparse.ArgumentParser(description="Train a router on one file and score it on another.")
    parser.add_argument("--train", type=Path, required=True, help="labelled JSON lines to learn from")
    parser.add_argument("--test", type=Path, required=True, help="labelled JSON lines to be scored on")
    parser.add_argument("--map", type=Path, help='JSON {"group": ["topic", ...]} for both files')
    parser.add_argument("--topic", default="topic", help="field with the topic in the test file")
    parser.add_argument("--train-topic", help="the same in the training file, if it differs")
    asked = parser.parse_args(arguments)
    groups = load_groups(asked.map) if asked.map else None
    train = load_labelled(asked.train, topic=asked.train_topic or asked.topic, groups=groups)
    test = load_labelled(asked.test, topic=asked.topic, groups=groups)
    start = time.perf_counter()
    classifier = fit(train)
    seconds = time.perf_counter() - start
    sys.stdout.write(
        f"trained on {len(train):,} texts in {seconds:.1f} s; scored on {measure(classifier, test)}\n"
    )


if __name__ == "__main__":
    main()
