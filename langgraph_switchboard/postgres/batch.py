"""A batch: the operations that share one statement and one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from langgraph_switchboard.postgres.packed import INT4, INT8, TEXT, PackedArray
from langgraph_switchboard.postgres.parts import Guard, Held, Part, PartRows, Row, size_of, statement

_UNKEYED = "unkeyed"


class Operation:
    """Rows that belong together, and the caller who waits for their commit.

    Args:
        number: Grows with every operation of the writer.
        key: Operations of one key are committed in the order in which they came.
        build: Makes the rows; called once, when there is room.
        run: Operations of one run stop at the first that fails; None: each for itself.
        token: Name by which others can wait for this operation; see `GroupCommitWriter.committed`.
        held: What the operation claims to own, if the writer has a guard.
        done: The caller's future; it may be cancelled before the operation is settled.
        due: Time of the loop's clock until which it may wait for its turn.
        large: Whether the rows are made in a thread.
    """

    __slots__ = (
        "broken", "build", "count", "done", "due", "held", "key", "large", "number",
        "ready", "rows", "run", "size", "token", "watchers",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        key: str,
        build: Callable[[], Sequence[PartRows]],
        *,
        run: Hashable | None,
        token: Hashable | None,
        held: Held | None,
        done: asyncio.Future[None],
        due: float,
        large: bool,
    ) -> None:
        self.number = number
        self.key = key
        self.build = build
        self.run = run
        self.token = token
        self.held = held
        self.done = done
        self.due = due
        self.large = large
        self.ready = False
        self.broken: Exception | None = None
        self.rows: Sequence[PartRows] = ()
        self.count = 0
        self.size = 0
        self.watchers: list[asyncio.Future[None]] = []

    def fill(self) -> None:
        """Make the rows; what `build` raises is kept in `broken`, for its place in the order."""
        try:
            self.rows = self.build()
            for part, some in self.rows:
                part.check(some)
            self.count = sum(len(some) for _, some in self.rows)
            self.size = size_of(self.rows)
        except Exception as error:
            self.broken = error
        self.ready = True


class Batch:
    """Operations gathered for one statement.

    A primary key that comes twice becomes the one row that writing both in
    order would have left, because `ON CONFLICT` must not meet a row twice in
    one statement. Where that cannot be said (the key comes under two conflict
    rules, or under two owners) the batch ends before the second.
    """

    def __init__(self, guard: Guard | None = None) -> None:
        self.operations: list[Operation] = []
        self.count = 0
        self.size = 0
        self.trouble: Exception | None = None  # what the server last said when it was sent in vain
        self._guard = guard
        self._guards: dict[Held, int] = {}
        self._tables: dict[str, dict[Any, tuple[Part, Row, int]]] = {}

    def add(self, operation: Operation) -> bool:
        """Take the operation in; False if it has to wait for the next batch."""
        owner = self._number(operation.held)
        if not self._fits(operation, owner):
            return False
        for part, rows in operation.rows:
            table = self._tables.setdefault(part.table, {})
            keys = part.keys
            for row in rows:
                key: Any = row[:keys] if keys else (_UNKEYED, len(table))
                known = table.get(key)
                table[key] = (part, part.merge(known[1], row) if known else row, owner)
        self.operations.append(operation)
        self.count += operation.count
        self.size += operation.size
        return True

    def _number(self, held: Held | None) -> int:
        if held is None or self._guard is None:
            return 0
        return self._guards.setdefault(held, len(self._guards) + 1)

    def _fits(self, operation: Operation, owner: int) -> bool:
        for part, rows in operation.rows:
            table = self._tables.get(part.table)
            if not table or not part.keys:
                continue
            keys = part.keys
            for row in rows:
                known = table.get(row[:keys])
                if known is not None and (known[0] is not part or known[2] != owner):
                    return False
        return True

    @property
    def guarded(self) -> bool:
        """Whether any of the operations claims to own something."""
        return bool(self._guards)

    @property
    def repeatable(self) -> bool:
        """Whether the batch may be sent again when nobody knows if it was committed."""
        return all(part.repeatable for operation in self.operations for part, _ in operation.rows)

    def compose(self) -> tuple[str, list[PackedArray]]:
        """The statement and its parameters, rows sorted by key.

        Every process sends its rows in the same order of tables and keys, so two
        that write the same rows wait for each other instead of deadlocking.
        """
        groups: dict[Part, list[tuple[Row, int]]] = {}
        for table in sorted(self._tables):
            stored = self._tables[table]
            for key in self.order(stored):
                part, row, owner = stored[key]
                groups.setdefault(part, []).append((row, owner))
        parts = tuple(sorted(groups, key=lambda part: (part.table, str(part.conflict))))
        guarded = self.guarded
        values = self._guard_arrays() if guarded else []
        for part in parts:
            columns = zip(*(row for row, _ in groups[part]), strict=True)
            values += [column.kind.pack(fields) for column, fields in zip(part.columns, columns, strict=True)]
            if guarded:
                values.append(INT4.pack([INT4.field(owner) for _, owner in groups[part]]))
        return statement(parts, self._guard if guarded else None), values

    def order(self, keys: Iterable[Any]) -> list[Any]:
        """The order in which the rows of a table are sent, the same in every process."""
        return sorted(keys)

    def _guard_arrays(self) -> list[PackedArray]:
        keys, tokens = zip(*(held.fields() for held in self._guards), strict=True)
        return [TEXT.pack(keys), INT8.pack(tokens)]

    def superseded(self, standing: set[int]) -> set[Held]:
        """The claims that did not hold, given the numbers of those that did."""
        return {held for held, number in self._guards.items() if number not in standing}
