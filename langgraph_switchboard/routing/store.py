"""A classifier as one file: plain numbers and JSON, so that reading it can run no code.

The file is a zip of arrays (`.npz`) without pickled objects: weights, vocabulary as text,
and a JSON head with the format, the library's version and the digest of the training data.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.routing.arrays import NDArray, np
from langgraph_switchboard.routing.calibration import Calibration
from langgraph_switchboard.routing.classifier import Classifier
from langgraph_switchboard.routing.vectors import Vectoriser

FORMAT = 2
"""Raised whenever features, weights or the file change their meaning."""


def made_by() -> str:
    """What a stored classifier depends on: this format, and the library's version."""
    try:
        library = version("langgraph-switchboard")
    except PackageNotFoundError:
        library = "source"
    return f"{FORMAT}/{library}"


def save(classifier: Classifier, path: Path) -> None:
    """Write the classifier to `path`, whole or not at all; missing folders are made."""
    how = classifier.calibration
    head = {
        "made_by": made_by(),
        "digest": classifier.digest,
        "topics": classifier.topics,
        "labels": classifier.labels,
        "temperature": how.temperature,
        "trust": [how.trust_topics, how.trust_label],
        "unknown": classifier.vectoriser.unknown,
    }
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        head=_bytes(json.dumps(head)),
        names=_bytes("\n".join(classifier.vectoriser.names)),
        idf=classifier.vectoriser.idf,
        weights=classifier.weights,
        bias=classifier.bias,
        groups=how.groups,
        known_scores=classifier.known_scores,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed.getbuffer())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def load(path: Path) -> Classifier:
    """Read a classifier that `save` wrote.

    Raises:
        InputRefused: If the file is not there, is damaged, or is of another format or version.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return _unpack({name: arrays[name] for name in arrays.files})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputRefused(
            "this is no classifier that this version can read",
            where=str(path),
            wanted=f"a file made by {made_by()}",
            came=f"{type(error).__name__}: {error}"[:200],
            mend="Train it again.",
        ) from error


def _unpack(arrays: dict[str, NDArray[Any]]) -> Classifier:
    head = json.loads(arrays["head"].tobytes())
    if head["made_by"] != made_by():
        raise ValueError(f"made by {head['made_by']}")
    names = tuple(arrays["names"].tobytes().decode().split("\n"))
    topics, labels = tuple(head["topics"]), tuple(head["labels"])
    weights, bias, groups = arrays["weights"], arrays["bias"], arrays["groups"]
    columns = len(topics) + (len(labels) if 1 < len(labels) < len(topics) else 0)
    fits = (
        weights.shape == (len(names), columns)
        and bias.shape == (columns,)
        and groups.shape == (len(topics),)
        and sorted(set(groups.tolist())) == list(range(len(labels)))
        and arrays["idf"].shape == (len(names),)
        and all(np.isfinite(arrays[name]).all() for name in ("weights", "bias", "idf", "known_scores"))
    )
    if not fits:
        raise ValueError("its parts do not fit together")
    return Classifier(
        topics=topics,
        labels=labels,
        vectoriser=Vectoriser(names, arrays["idf"], float(head["unknown"])),
        weights=weights,
        bias=bias,
        calibration=Calibration(groups, float(head["temperature"]), *map(float, head["trust"])),
        known_scores=arrays["known_scores"],
        digest=str(head["digest"]),
    )


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)
