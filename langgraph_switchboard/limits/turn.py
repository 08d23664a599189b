"""A turn: what all waiting calls of a process ask for, as the columns of one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langgraph_switchboard.errors import LimitMet
from langgraph_switchboard.limits import refusals
from langgraph_switchboard.limits.calls import Breaker, Bucket, Call, Change, Line, Sample, Spent
from langgraph_switchboard.postgres.packed import BOOL, FLOAT8, INT4, INT8, TEXT, PackedArray, name

_REFUSED_BY_BREAKER, _REFUSED_BY_BUDGET, _REFUSED_BY_RATE = 1, 2, 3


class Turn:
    """Gathers calls, ends of calls and samples; each budget, bucket and breaker is named once.

    Args:
        process: The number of this process.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self._lines: dict[str, int] = {}
        self._buckets: dict[str, int] = {}
        self._breakers: dict[str, int] = {}
        self._line: list[Line] = []
        self._bucket: list[Bucket] = []
        self._breaker: list[Breaker] = []
        self._over: dict[int, Spent] = {}
        self._fresh: dict[str, int] = {}
        self._calls: list[tuple[int, Call, int, int]] = []
        self._wanted: list[tuple[int, int]] = []
        self._samples: list[tuple[int, int, Sample]] = []

    def ask(self, number: int, call: Call, *, fresh: bool) -> None:
        """A call wants to go.

        Args:
            number: Its number within the process.
            call: The call.
            fresh: Whether its case is driven under an epoch that this process has not seen before.
        """
        if fresh and call.epoch is not None:
            self._fresh[call.case_id] = call.epoch
        bucket = self._number(self._buckets, self._bucket, call.bucket)
        breaker = self._number(self._breakers, self._breaker, call.breaker)
        self._calls.append((number, call, bucket, breaker))
        at = len(self._calls)
        for line in call.lines:
            self._wanted.append((at, self._number(self._lines, self._line, line)))

    def over(self, number: int, call: Call, spent: Spent) -> None:
        """A call is over; its budgets are named, so that they are locked in their order."""
        self._over[number] = spent
        for line in call.lines:
            self._number(self._lines, self._line, line)

    def tell(self, breaker: Breaker, number: int, sample: Sample) -> None:
        """A breaker learns how a call went."""
        self._samples.append((self._number(self._breakers, self._breaker, breaker), number, sample))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (self._calls or self._over or self._samples)

    def values(self) -> dict[str, int | PackedArray]:
        """The parameters of the statement `turn`."""
        policies = [one.policy for one in self._breaker]
        calls = [call for _, call, _, _ in self._calls]
        samples = [sample for _, _, sample in self._samples]
        return {
            "me": self._process,
            "b_key": TEXT.pack([TEXT.field(line.key) for line in self._line]),
            "b_scope": TEXT.pack([name(line.scope) for line in self._line]),
            "b_subject": TEXT.pack([TEXT.field(line.subject) for line in self._line]),
            "b_day": TEXT.pack([name(str(line.day or "")) for line in self._line]),
            "b_micros": _int8(line.micros for line in self._line),
            "b_tokens": _int8(line.tokens for line in self._line),
            "d_call": _int8(self._over),
            "d_micros": _int8(spent.micros for spent in self._over.values()),
            "d_tokens": _int8(spent.tokens for spent in self._over.values()),
            "f_case": TEXT.pack([TEXT.field(case_id) for case_id in self._fresh]),
            "f_epoch": _int8(self._fresh.values()),
            "r_key": TEXT.pack([TEXT.field(bucket.key) for bucket in self._bucket]),
            "r_rate": _float8(bucket.rate.per_second for bucket in self._bucket),
            "r_burst": _float8(bucket.rate.burst for bucket in self._bucket),
            "k_key": TEXT.pack([TEXT.field(breaker.key) for breaker in self._breaker]),
            "k_cool": _float8(policy.cool for policy in policies),
            "c_call": _int8(number for number, _, _, _ in self._calls),
            "c_case": TEXT.pack([TEXT.field(call.case_id) for call in calls]),
            "c_epoch": _int8(call.epoch for call in calls),
            "c_micros": _int8(call.wants.micros for call in calls),
            "c_tokens": _int8(call.wants.tokens for call in calls),
            "c_rate": _int4(bucket for _, _, bucket, _ in self._calls),
            "c_patience": _float8(call.bucket.rate.patience if call.bucket else 0.0 for call in calls),
            "c_breaker": _int4(breaker for _, _, _, breaker in self._calls),
            "l_call": _int4(at for at, _ in self._wanted),
            "l_budget": _int4(line for _, line in self._wanted),
            "k_window": _int4(policy.window for policy in policies),
            "k_least": _int4(policy.least for policy in policies),
            "k_errors": _float8(policy.errors for policy in policies),
            "k_slower": _float8(policy.slower for policy in policies),
            "k_confidence": _float8(policy.confidence for policy in policies),
            "k_rejections": _float8(policy.rejections for policy in policies),
            "s_breaker": _int4(breaker for breaker, _, _ in self._samples),
            "s_call": _int8(number for _, number, _ in self._samples),
            "s_failed": _bool(sample.failed for sample in samples),
            "s_seconds": _float8(sample.seconds for sample in samples),
            "s_confidence": _float8(sample.confidence for sample in samples),
            "s_rejected": _bool(sample.rejected for sample in samples),
        }

    def changes(self, row: Mapping[str, Any]) -> list[Change]:
        """The breakers that opened or closed."""
        return [
            Change(self._breaker[told["breaker"] - 1].key, told["state"], told["why"])
            for told in row["changes"] or ()
        ]

    def refusal(self, at: int, row: Mapping[str, Any]) -> LimitMet | None:
        """Why the call at this place may not go; None if it may."""
        verdict, which = row["verdict"][at], row["which"][at] - 1
        call, wait = self._calls[at][1], row["wait"][at]
        if verdict == _REFUSED_BY_BREAKER:
            return refusals.left_alone(call, self._breaker[which], wait)
        if verdict == _REFUSED_BY_BUDGET:
            taken = Spent(row["taken_micros"][at], row["taken_tokens"][at])
            return refusals.no_room(call, self._line[which], taken)
        if verdict == _REFUSED_BY_RATE:
            return refusals.too_long(call, self._bucket[which], wait)
        return None

    @staticmethod
    def _number(known: dict[str, int], all_: list[Any], one: Line | Bucket | Breaker | None) -> int:
        """The number under which it is named, from 1; 0 for none."""
        if one is None:
            return 0
        key = one.key
        if key not in known:
            all_.append(one)
            known[key] = len(all_)
        return known[key]


def _int4(values: Iterable[int]) -> PackedArray:
    return INT4.pack([INT4.field(value) for value in values])


def _int8(values: Iterable[int | None]) -> PackedArray:
    return INT8.pack([INT8.field(value) for value in values])


def _float8(values: Iterable[float | None]) -> PackedArray:
    return FLOAT8.pack([FLOAT8.field(value) for value in values])


def _bool(values: Iterable[bool | None]) -> PackedArray:
    return BOOL.pack([BOOL.field(value) for value in values])
