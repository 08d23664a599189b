"""Checkpoints and task writes as rows of the tables of `langgraph-checkpoint-postgres` 3.2.

The rows are the ones that the stock saver writes, so that each reads the other's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

# The one private name: a delta snapshot leaves a marker inline besides its blob.
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from langgraph_switchboard.postgres.packed import BYTEA, INT4, JSONB, TEXT, blob, jsonb, name, text
from langgraph_switchboard.postgres.packed import int4 as int4_field
from langgraph_switchboard.postgres.parts import Part, PartRows, Row, columns

LARGE = 64 * 1024
"""Bytes from which a value is serialised, or loaded, in a thread instead of on the loop."""

_NODES_LOOKED_AT = 2_000
_WEIGHTLESS = frozenset({int, float, bool, type(None)})


_WRITE_COLUMNS = columns(
    thread_id=TEXT,
    checkpoint_ns=TEXT,
    checkpoint_id=TEXT,
    task_id=TEXT,
    idx=INT4,
    task_path=TEXT,
    channel=TEXT,
    type=TEXT,
    blob=BYTEA,
)

CHECKPOINTS = Part(
    "checkpoints",
    columns(
        thread_id=TEXT,
        checkpoint_ns=TEXT,
        checkpoint_id=TEXT,
        parent_checkpoint_id=TEXT,
        checkpoint=JSONB,
        metadata=JSONB,
    ),
    keys=3,
    conflict=("checkpoint", "metadata"),
)
BLOBS = Part(
    "checkpoint_blobs",
    columns(thread_id=TEXT, checkpoint_ns=TEXT, channel=TEXT, version=TEXT, type=TEXT, blob=BYTEA),
    keys=4,
)
WRITES = Part("checkpoint_writes", _WRITE_COLUMNS, keys=5)
SPECIAL_WRITES = Part("checkpoint_writes", _WRITE_COLUMNS, keys=5, conflict=("channel", "type", "blob"))
"""Errors, interrupts and resumes: the last one stands."""

_INDEX = {number: int4_field(number) for number in range(-8, 256)}


class TaskKey(NamedTuple):
    """The task of a run whose writes are saved."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str
    task_id: str


def goes_to_blobs(value: Any) -> bool:
    """Whether a channel's value is kept apart; what JSON holds natively stays in the checkpoint."""
    return value is not None and not isinstance(value, (str, int, float, bool))


def checkpoint_rows(
    serde: SerializerProtocol,
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
) -> list[PartRows]:
    """The rows of one checkpoint: itself, and the blobs of its new versions."""
    configurable = config["configurable"]
    thread = text(str(configurable["thread_id"]))
    namespace = name(configurable.get("checkpoint_ns", ""))
    inline: dict[str, Any] = {}
    blobs: list[Row] = []
    for channel, value in checkpoint["channel_values"].items():
        if not goes_to_blobs(value):
            inline[channel] = value
            continue
        if isinstance(value, _DeltaSnapshot):
            inline[channel] = True
        if channel in new_versions:
            kind, payload = serde.dumps_typed(value)
            version = text(str(new_versions[channel]))
            blobs.append((thread, namespace, name(channel), version, name(kind), blob(payload)))
    row = (
        thread,
        namespace,
        text(checkpoint["id"]),
        text(configurable.get("checkpoint_id")),
        jsonb(json.dumps({**checkpoint, "channel_values": inline})),
        jsonb(json.dumps(get_serializable_checkpoint_metadata(config, metadata))),
    )
    parts = [PartRows(CHECKPOINTS, [row])]
    if blobs:
        parts.append(PartRows(BLOBS, blobs))
    return parts


def write_rows(
    serde: SerializerProtocol, task: TaskKey, task_path: str, writes: Sequence[tuple[str, Any]]
) -> list[PartRows]:
    """The rows of what one task wrote."""
    thread, namespace = text(task.thread_id), name(task.checkpoint_ns)
    checkpoint, task_field, path = text(task.checkpoint_id), text(task.task_id), name(task_path)
    rows: list[Row] = []
    for position, (channel, value) in enumerate(writes):
        number = WRITES_IDX_MAP.get(channel, position)
        index = _INDEX.get(number) or int4_field(number)
        kind, payload = serde.dumps_typed(value)
        rows.append(
            (thread, namespace, checkpoint, task_field, index, path, name(channel), name(kind), blob(payload))
        )
    special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
    return [PartRows(SPECIAL_WRITES if special else WRITES, rows)]


def is_large(values: Iterable[Any], limit: int = LARGE) -> bool:
    """Whether serialising the values would hold up the loop.

    A quick look, no measuring: text and bytes by their length, containers and
    objects by walking them, and after 2,000 of them the answer is yes.

    Args:
        values: What is about to be serialised.
        limit: Bytes from which it is large.
    """
    weight = 0
    looked = 0
    stack = list(values)
    while stack:
        value = stack.pop()
        looked += 1
        kind = type(value)
        if kind in _WEIGHTLESS:
            continue
        if kind is str or isinstance(value, (str, bytes, bytearray)):
            weight += len(value)
        elif kind is dict:
            stack.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend(value)
        else:
            stack.extend(getattr(value, "__dict__", {}).values())
        if weight >= limit or looked + len(stack) > _NODES_LOOKED_AT:
            return True
    return False
