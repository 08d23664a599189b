"""Labelled texts in, a trained router out; trained once, and again only when something changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from langgraph_switchboard.errors import InputRefused
from langgraph_switchboard.routing import store
from langgraph_switchboard.routing.classifier import Classifier

_log = logging.getLogger(__name__)


class Labelled(NamedTuple):
    """One labelled text."""

    text: str
    topic: str
    """The finest class, such as `card_arrival`."""
    group: str
    """The label that it routes to, such as `account`."""


def load_labelled(
    path: Path,
    *,
    text: str = "text",
    topic: str = "topic",
    group: str = "department",
    groups: Mapping[str, str] | None = None,
) -> list[Labelled]:
    """Read labelled texts from JSON lines, one object per line; empty lines are passed over.

    Args:
        path: The file, UTF-8.
        text: Name of the field that holds the text.
        topic: Name of the field that holds the topic.
        group: Name of the field that holds the group; not read if `groups` is given.
        groups: The group of each topic, instead of a field; see `load_groups`.

    Raises:
        InputRefused: If the file cannot be read, with the line that is wrong; or if one topic
            is in two groups.
    """
    rows: list[Labelled] = []
    group_of: dict[str, str] = {}
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        row = _object(line, where)
        said, about = _field(row, text, where), _field(row, topic, where)
        if groups is None:
            belongs = _field(row, group, where)
        elif about in groups:
            belongs = groups[about]
        else:
            raise InputRefused("this topic is in no group", where=where, came=repr(about))
        if group_of.setdefault(about, belongs) != belongs:
            raise InputRefused(
                f"the topic {about!r} is in two groups",
                where=where,
                came=f"{group_of[about]!r} before, {belongs!r} here",
                mend="Give each topic one group.",
            )
        rows.append(Labelled(said, about, belongs))
    if not rows:
        raise InputRefused("there are no labelled texts", where=str(path), wanted="one JSON object per line")
    return rows


def load_groups(path: Path) -> dict[str, str]:
    """Read `{"group": ["topic", ...], ...}` as the group of each topic.

    What is no list of texts is passed over, and a topic that several groups list belongs to
    the first: later lists are marks across groups, such as `high_stakes`.

    Raises:
        InputRefused: If the file cannot be read, or holds no groups.
    """
    groups: dict[str, str] = {}
    for group, topics in _object(_read(path), str(path)).items():
        if isinstance(topics, list):
            groups = {**{topic: group for topic in topics if isinstance(topic, str)}, **groups}
    if not groups:
        raise InputRefused("there are no groups", where=str(path), wanted='{"group": ["topic", ...]}')
    return groups


def digest(rows: Sequence[Labelled], seed: int = 0) -> str:
    """A digest of what a classifier is trained on; the same rows in another order differ."""
    packed = json.dumps([store.made_by(), seed, rows], ensure_ascii=False)
    return hashlib.sha256(packed.encode("utf-8", "surrogatepass")).hexdigest()


def fit(rows: Sequence[Labelled], *, seed: int = 0) -> Classifier:
    """Fit a classifier to labelled texts, marked with their digest."""
    return Classifier.fit(
        [row.text for row in rows],
        [row.topic for row in rows],
        groups={row.topic: row.group for row in rows},
        seed=seed,
        digest=digest(rows, seed),
    )


def prepared(rows: Sequence[Labelled], prepare: Callable[[str], str] | None) -> list[Labelled]:
    """The rows with `prepare` done to each text; None leaves them as they are."""
    return [row._replace(text=prepare(row.text)) if prepare else row for row in rows]


def trained(
    path: Path, cache_dir: Path, *, seed: int = 0, prepare: Callable[[str], str] | None = None
) -> Classifier:
    """The classifier for this training file: from the cache, or fitted now and put there.

    A cached one is used only for the very same rows as prepared, seed and version of the library; a
    damaged one is fitted again. Fitting takes seconds: in a program with an event loop use
    `await asyncio.to_thread(trained, path, cache_dir)`.

    Args:
        path: Labelled texts as `load_labelled` reads them.
        cache_dir: Folder for fitted classifiers; made if missing.
        seed: Seed of the fit.
        prepare: Done to each text before it is learned; who asks must do the same to theirs.

    Raises:
        InputRefused: If the training file cannot be used.
        MissingExtra: If scikit-learn is needed and not installed.
    """
    rows = prepared(load_labelled(path), prepare)
    wanted = digest(rows, seed)
    cached = cache_dir / f"router-{wanted[:16]}.npz"
    if cached.exists():
        try:
            classifier = store.load(cached)
        except InputRefused:
            pass  # damaged, or half of another time's: what follows writes it anew
        else:
            if classifier.digest == wanted:
                return classifier
    _log.info("the router learns from %s labelled texts, once; this takes some seconds", f"{len(rows):,}")
    classifier = fit(rows, seed=seed)
    store.save(classifier, cached)
    return classifier


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputRefused(
            "this file cannot be read", where=str(path), came=error.strerror or type(error).__name__
        ) from error
    except UnicodeDecodeError as error:
        raise InputRefused(
            f"this file is not UTF-8 (byte {error.start})", where=str(path), mend="Save it as UTF-8."
        ) from error


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise InputRefused(f"this is not JSON: {error}", where=where) from error
    if not isinstance(row, dict):
        raise InputRefused("this is no JSON object", where=where, came=type(row).__name__)
    return row


def _field(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if isinstance(value, str) and value.strip():
        return value
    came = "nothing" if value is None else "an empty text" if value == "" else type(value).__name__
    raise InputRefused(
        f"the field {name!r} holds no text",
        where=where,
        came=came,
        mend=f"The fields here are: {', '.join(sorted(row))}.",
    )
