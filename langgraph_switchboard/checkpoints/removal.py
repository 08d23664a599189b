"""The SQL behind what the stock saver lacks: deleting the checkpoints of runs, copying a thread."""

from __future__ import annotations

DELETE_FOR_RUNS = """
WITH gone AS (
    DELETE FROM checkpoints WHERE metadata ->> 'run_id' = ANY(%(runs)s)
    RETURNING thread_id, checkpoint_ns, checkpoint_id, checkpoint -> 'channel_versions' AS versions
), gone_writes AS (
    DELETE FROM checkpoint_writes AS w USING gone
    WHERE w.thread_id = gone.thread_id AND w.checkpoint_ns = gone.checkpoint_ns
    AND w.checkpoint_id = gone.checkpoint_id
), orphans AS (
    UPDATE checkpoints AS c SET parent_checkpoint_id = NULL FROM gone
    WHERE c.thread_id = gone.thread_id AND c.checkpoint_ns = gone.checkpoint_ns
    AND c.parent_checkpoint_id = gone.checkpoint_id
    AND (c.metadata ->> 'run_id' = ANY(%(runs)s)) IS NOT TRUE
), freed AS (
    SELECT DISTINCT gone.thread_id, gone.checkpoint_ns, used.key AS channel, used.value AS version
    FROM gone CROSS JOIN LATERAL jsonb_each_text(gone.versions) AS used
)
DELETE FROM checkpoint_blobs AS b USING freed
WHERE b.thread_id = freed.thread_id AND b.checkpoint_ns = freed.checkpoint_ns
AND b.channel = freed.channel AND b.version = freed.version
AND NOT EXISTS (
    SELECT 1 FROM checkpoints AS kept
    WHERE kept.thread_id = b.thread_id AND kept.checkpoint_ns = b.checkpoint_ns
    AND kept.checkpoint -> 'channel_versions' ->> b.channel = b.version
    AND (kept.metadata ->> 'run_id' = ANY(%(runs)s)) IS NOT TRUE
)
"""
"""A blob goes only if no checkpoint that stays refers to it. Reads every checkpoint: there is no
index on the run in the stock schema, and it stays the stock schema."""

COPY_THREAD = """
WITH blobs AS (
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT %(target)s, checkpoint_ns, channel, version, type, blob
    FROM checkpoint_blobs WHERE thread_id = %(source)s
    ON CONFLICT DO NOTHING
), writes AS (
    INSERT INTO checkpoint_writes
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    SELECT %(target)s, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob
    FROM checkpoint_writes WHERE thread_id = %(source)s
    ON CONFLICT DO NOTHING
)
INSERT INTO checkpoints
    (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
SELECT %(target)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
FROM checkpoints WHERE thread_id = %(source)s
ON CONFLICT DO NOTHING
"""
"""The whole parent chain goes along, so that channels kept as deltas can be rebuilt."""
