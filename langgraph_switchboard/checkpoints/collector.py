"""Python's garbage collector, set for many runs at once: the one place where it is touched.

A run in flight holds thousands of small containers. With the default thresholds
(700, 10, 10) the collector walks all of them again and again while they are
still in use: nothing to see below some hundred runs at once, and a third of the
CPU time at a thousand. Reference counting frees nearly everything anyway; only
cycles wait longer.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 50, 1000)
"""New containers before a young collection; young before a middle one; middle before a full one."""


@contextmanager
def calm_collector() -> Iterator[None]:
    """Keep the collector calm for as long as the block runs; for workers, servers and benches.

    What lives already (modules, compiled graphs) is frozen, so that no collection
    walks it. At the end everything is as it was before.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
