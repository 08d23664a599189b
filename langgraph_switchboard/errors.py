"""Every error of the library, in one tree.

    SwitchboardError
    ├─ ContractViolation (ValueError)      what a step gave breaks its contract; the producer is named
    │  ├─ EnvelopeDamaged                  a stored payload no longer matches its digest or shape
    │  └─ UnknownVersion                   a stored payload is of a version this code does not know
    │     └─ ContractChanged               the contract was changed so that stored payloads no longer fit
    ├─ BlueprintError (ValueError)         the process as drawn cannot work; holds the findings
    │  └─ BlueprintUnreadable              its text cannot be read; says file, line and column
    ├─ ConfigurationError (ValueError)     a setting, an argument or a name is wrong
    │  └─ MissingExtra (ImportError)       an optional part is not installed; gives the pip line
    ├─ InputRefused (ValueError)           a file, a row or a case's input cannot be taken
    ├─ CaseError (LookupError)             the case is unknown, finished, or in the wrong state
    │  ├─ CaseUnknown                      there is no such case
    │  ├─ CaseStranded                     it stands where this code cannot take it on
    │  ├─ CaseBusy                         somebody else drives it just now
    │  ├─ CaseWaiting                      it waits for a person or a timer; new input would start it over
    │  ├─ LetterError                      the dead letter is unknown, or was settled otherwise
    │  │  ├─ LetterUnknown                 there is no such dead letter
    │  │  └─ LetterSettled                 somebody has redriven or discarded it before
    │  ├─ TimerNotSet                      it does not wait for this timer, and goes on waiting for its own
    │  └─ ReviewError                      the review is unknown, already decided, or answered wrongly
    │     ├─ ReviewDecided                 somebody was first; says who and what stands
    │     ├─ ReviewUnknown                 there is no such review
    │     ├─ ReviewClosed                  the case went on without it, or has ended
    │     ├─ ReviewNotYours (PermissionError) role, scope, or a hand in the case: this person may not
    │     ├─ ReviewStale                   what was shown has changed; the review stays open
    │     └─ DecisionMalformed (ValueError) the answer does not fit the question; the review stays open
    ├─ AccessError (PermissionError)       somebody may not do this
    │  ├─ NotSignedIn                      nobody knows who asks; the key, token or session is wrong or over
    │  ├─ NotAllowed                       they are known, and have not the right
    │  ├─ RequestForged                    it does not come from our own page, or not to our own address
    │  └─ TooManyTries                     too many wrong keys; `retry_after` says when to come back
    ├─ StoreError                          Postgres cannot be started, reached or written
    │  ├─ StoreUnavailable
    │  ├─ StateDamaged                     the stored state of one case cannot be read
    │  ├─ StoreClosed                      the writer or saver was closed; nothing more is taken
    │  ├─ Superseded                       another owner took the case over; never retried
    │  └─ EffectConflict                   one key, two different sets of arguments
    ├─ StepFailed                          a step could not do its work
    │  ├─ StepTimeout
    │  ├─ PartFailed                       a blueprint inside another came to its dead letter
    │  ├─ NotApproved (PermissionError)    a high-risk effect without the decision that covers it
    │  ├─ Poisonous                        it was at work each time that a process died; never tried again
    │  ├─ HookFailed                       code of the blueprint's own, at a fixed place, raised
    │  ├─ BoundReached                     the case went round, or on and on, or into too many branches
    │  ├─ EffectInDoubt                    begun, and nobody knows whether it happened; a person is asked
    │  ├─ RouteRefused                     a destination that the blueprint does not declare
    │  └─ LimitMet                         a call may not go just now
    │     ├─ BudgetExceeded                it would spend more than is left; a person takes over
    │     ├─ RateExceeded                  its turn would come too late; `retry_after` says when
    │     └─ BreakerOpen                   whom it calls fails too often, and is left alone for a while
    └─ ModelError                          a model did not give a usable answer; says if trying again can help
       ├─ ModelUnreachable (ConnectionError) no connection, or one that broke
       ├─ ModelTimeout (TimeoutError)      no answer within the time
       ├─ ModelBusy                        429: too many requests; `retry_after` says when to come back
       ├─ ModelDown                        5xx: the server failed
       ├─ ModelRejected                    4xx: the request itself is wrong
       │  ├─ ModelKeyRefused               401 or 403
       │  └─ ModelQuotaSpent               429, but for want of money: waiting does not help
       ├─ ModelRefused                     the model declines to answer, or a filter stopped it
       └─ AnswerUnusable                   something came, and it cannot be used
          ├─ AnswerCut                     it ends before its end
          ├─ AnswerTooLong                 it met the token limit, or ours
          ├─ AnswerEmpty                   no choice, no content, no arguments
          ├─ AnswerNotJson
          ├─ AnswerMismatch                JSON, but not the contract
          └─ ToolRefused                   it calls a tool that it may not call, or not like this

All of them derive from `SwitchboardError`, carry a stable `code`, and keep what was
said in `fields`, so that a program reads the fields and a person reads the message:
where it happened, what was wanted, what came, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class SwitchboardError(Exception):
    """Base of every error the library raises on purpose.

    Args:
        problem: What is wrong, as one short sentence without a full stop.
        where: The place: a step, a file with its line, a setting.
        wanted: What would have been right.
        came: What was found instead; keep secrets and personal data out of it.
        mend: What the reader can do about it, as a sentence.
        **fields: Further facts for programs; JSON-plain.
    """

    code: ClassVar[str] = "switchboard_error"

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        wanted: str = "",
        came: str = "",
        mend: str = "",
        **fields: Any,
    ) -> None:
        self.problem = problem
        self.where = where
        self.wanted = wanted
        self.came = came
        self.mend = mend
        self.fields: dict[str, Any] = fields
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        if self.wanted and self.came:
            text += f" (wanted {self.wanted}; came {self.came})"
        elif self.wanted:
            text += f" (wanted {self.wanted})"
        elif self.came:
            text += f" (came {self.came})"
        return f"{text}. {self.mend}" if self.mend else f"{text}."

    def record(self) -> dict[str, Any]:
        """The error as JSON-plain fields: `code`, `type`, the sentences, and its own fields."""
        said = {"where": self.where, "wanted": self.wanted, "came": self.came, "mend": self.mend}
        return {
            "code": self.code,
            "type": type(self).__name__,
            "problem": self.problem,
            **{key: value for key, value in said.items() if value},
            **self.fields,
        }


class ContractViolation(SwitchboardError, ValueError):
    """What a step gave, or what came from outside, breaks the contract of its seam.

    `problems` lists each fault as `{"at": "reply.confidence", "code": "less_than_equal", "says": "..."}`.
    Values are left out of it on purpose: they may hold what the contract keeps out. What was
    given stays in `given` for the ledger's quarantine, within the process.
    """

    code = "contract_violation"

    def __init__(
        self, problem: str, *, contract: str, by: str, problems: Sequence[Mapping[str, str]] = (), **said: Any
    ) -> None:
        self.contract = contract
        self.by = by
        self.problems = [dict(one) for one in problems]
        self.given: object = None
        super().__init__(problem, contract=contract, by=by, problems=self.problems, **said)


class EnvelopeDamaged(ContractViolation):
    """A stored payload is not an envelope, or no longer matches its digest."""

    code = "envelope_damaged"


class UnknownVersion(ContractViolation):
    """A stored payload is of a contract version that this code cannot read."""

    code = "unknown_version"


class ContractChanged(UnknownVersion):
    """A stored payload was valid when it was sealed and is no longer: its contract has changed since.

    That is a fault of the deployed code, not of the step that sealed it: the case is left standing.
    """

    code = "contract_changed"


class BlueprintError(SwitchboardError, ValueError):
    """The blueprint cannot work; `findings` says where, why, and how to mend it."""

    code = "blueprint_error"

    def __init__(self, problem: str, *, findings: Sequence[Any] = (), **said: Any) -> None:
        self.findings = list(findings)
        super().__init__(problem, **said)

    def _sentence(self) -> str:
        lines = [super()._sentence(), *(f"  - {finding}" for finding in self.findings)]
        return "\n".join(lines)


class BlueprintUnreadable(BlueprintError):
    """The text of a blueprint cannot be read; `file`, `line` and `column` say where."""

    code = "blueprint_unreadable"

    def __init__(self, problem: str, *, file: str, line: int, column: int, **said: Any) -> None:
        self.file = file
        self.line = line
        self.column = column
        place = f"{file}:{line}:{column}"
        super().__init__(problem, where=place, file=file, line=line, column=column, **said)


class ConfigurationError(SwitchboardError, ValueError):
    """A setting, an argument or a name is wrong."""

    code = "configuration_error"


class MissingExtra(ConfigurationError, ImportError):
    """An optional part is not installed."""

    code = "missing_extra"

    def __init__(self, package: str, extra: str, *, why: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{why} needs the package {package!r}, which is not installed",
            mend=f"Install it: pip install 'langgraph-switchboard[{extra}]'",
            package=package,
            extra=extra,
        )


class InputRefused(SwitchboardError, ValueError):
    """A file, a row or the input of a case cannot be taken."""

    code = "input_refused"


class CaseError(SwitchboardError, LookupError):
    """The case is not there, or is not in a state in which this can be done."""

    code = "case_error"


class CaseUnknown(CaseError):
    """There is no such case."""

    code = "case_unknown"


class CaseBusy(CaseError):
    """Somebody else drives the case just now; two drivers would do its steps twice."""

    code = "case_busy"


class CaseWaiting(CaseError):
    """The case waits for a person or a timer; new input would drop that and start the case over."""

    code = "case_waiting"


class LetterError(CaseError):
    """The dead letter is not there, or cannot be settled like this."""

    code = "letter_error"


class LetterUnknown(LetterError):
    """There is no such dead letter."""

    code = "letter_unknown"


class LetterSettled(LetterError):
    """Somebody settled the dead letter before, in another way; `by` and `status` say who, and how."""

    code = "letter_settled"

    def __init__(self, problem: str, *, letter: str, by: str, status: str, **said: Any) -> None:
        self.letter = letter
        self.by = by
        self.status = status
        super().__init__(problem, letter=letter, by=by, status=status, **said)


class TimerNotSet(CaseError):
    """The case does not wait for this timer; it goes on waiting for its own."""

    code = "timer_not_set"


class CaseStranded(CaseError):
    """The case stands where this code cannot take it on; it is neither finished nor lost."""

    code = "case_stranded"


class ReviewError(CaseError):
    """The review is not there, or cannot be decided like this."""

    code = "review_error"


class ReviewDecided(ReviewError):
    """Somebody decided first; `by` and `decision` say who and what stands."""

    code = "review_decided"

    def __init__(self, problem: str, *, review: str, by: str, decision: str, **said: Any) -> None:
        self.review = review
        self.by = by
        self.decision = decision
        super().__init__(problem, review=review, by=by, decision=decision, **said)


class ReviewUnknown(ReviewError):
    """There is no such review."""

    code = "review_unknown"


class ReviewClosed(ReviewError):
    """The case went on without this review, or has ended."""

    code = "review_closed"


class ReviewNotYours(ReviewError, PermissionError):
    """The person may not decide it: by role or scope, or because they asked for it themselves."""

    code = "review_not_yours"


class ReviewStale(ReviewError):
    """What is to be decided has changed since it was shown; the review stays open."""

    code = "review_stale"


class DecisionMalformed(ReviewError, ValueError):
    """The answer does not fit the question; the review stays open."""

    code = "decision_malformed"


class AccessError(SwitchboardError, PermissionError):
    """Somebody may not do this."""

    code = "access_error"


class NotSignedIn(AccessError):
    """Nobody knows who asks: the key, token or session is missing, wrong or over."""

    code = "not_signed_in"


class NotAllowed(AccessError):
    """Who asks is known, and has not the right."""

    code = "not_allowed"


class RequestForged(AccessError):
    """The request does not come from our own page, or is not meant for our own address."""

    code = "request_forged"


class TooManyTries(AccessError):
    """Too many wrong keys from one place; `retry_after` says when to come back."""

    code = "too_many_tries"

    def __init__(self, problem: str, *, retry_after: float, **said: Any) -> None:
        self.retry_after = retry_after
        super().__init__(problem, retry_after=retry_after, **said)


class StoreError(SwitchboardError):
    """The database cannot do what was asked."""

    code = "store_error"


class StoreUnavailable(StoreError, ConnectionError):
    """Postgres cannot be started or reached."""

    code = "store_unavailable"


class StateDamaged(StoreError):
    """The stored state of one case cannot be read; the case stands where it stood, others go on."""

    code = "state_damaged"


class StoreClosed(StoreError):
    """The writer or saver was closed; it drained what it had and takes nothing more."""

    code = "store_closed"


class Superseded(StoreError):
    """Somebody else owns the case by now; what this owner wanted to write was refused.

    It is no `psycopg.OperationalError` and no connection error on purpose: whoever
    retries those must not retry this.
    """

    code = "superseded"


class EffectConflict(StoreError):
    """An effect was asked for twice under one key, with different arguments."""

    code = "effect_conflict"


class StepFailed(SwitchboardError):
    """A step could not do its work; the ladder takes the case on."""

    code = "step_failed"


class StepTimeout(StepFailed, TimeoutError):
    """A step did not end within its time."""

    code = "step_timeout"


class Poisonous(StepFailed):
    """The step was at work each time that a process of this case died, and is not tried again."""

    code = "poison"


class HookFailed(StepFailed):
    """A blueprint's own code at a fixed place raised; `hook` names it, `point` the place."""

    code = "hook_failed"

    def __init__(self, problem: str, *, hook: str, point: str, **said: Any) -> None:
        self.hook = hook
        self.point = point
        super().__init__(problem, hook=hook, point=point, **said)


class BoundReached(StepFailed):
    """The case came to a step too often, took too many steps, went round, or would part too widely.

    `bound` is `visits`, `hops`, `ping_pong` or `fan_out`.
    """

    code = "bound_reached"

    def __init__(self, problem: str, *, bound: str, **said: Any) -> None:
        self.bound = bound
        super().__init__(problem, bound=bound, **said)


class EffectInDoubt(StepFailed):
    """An effect outside was begun, and nobody knows whether it happened; a person is asked.

    `effect` is the record of it.
    """

    code = "effect_in_doubt"

    def __init__(self, effect: Any, *, key: str, where: str) -> None:
        self.effect = effect
        super().__init__(
            f"nobody knows whether the effect {key!r} happened",
            where=where,
            mend="Look on the other side, then answer the review: approve if it happened, reject if not.",
            key=key,
        )


class PartFailed(StepFailed):
    """A blueprint that is a step of another came to its dead letter; `inside` is the failure there."""

    code = "part_failed"


class NotApproved(StepFailed, PermissionError):
    """A high-risk effect was about to act on what no person has decided on."""

    code = "not_approved"


class RouteRefused(StepFailed, ValueError):
    """A step or a router named a destination that the blueprint does not declare."""

    code = "route_refused"


class LimitMet(StepFailed):
    """A call may not go just now.

    `limit` is the key of what refused it, and `changes` are the breakers that opened or closed meanwhile.
    """

    code = "limit_met"
    retryable = False

    def __init__(self, problem: str, *, limit: str, changes: Sequence[Any] = (), **said: Any) -> None:
        self.limit = limit
        self.changes = list(changes)
        super().__init__(problem, limit=limit, **said)


class BudgetExceeded(LimitMet):
    """A call would spend more than its budget has left; a person goes on, with the draft if there is one."""

    code = "budget_exceeded"


class RateExceeded(LimitMet):
    """A call would have to wait for its turn longer than it may; after `retry_after` seconds it need not."""

    code = "rate_exceeded"

    def __init__(self, problem: str, *, retry_after: float, **said: Any) -> None:
        self.retryable = True
        self.retry_after = retry_after
        super().__init__(problem, retryable=True, retry_after=round(retry_after, 3), **said)


class BreakerOpen(LimitMet):
    """The agent or the model is left alone for a while; the case goes down the ladder at once.

    `retryable` is set where the policy wants the call tried again.
    """

    code = "breaker_open"

    def __init__(self, problem: str, *, retry_after: float, retryable: bool = False, **said: Any) -> None:
        self.retryable = retryable
        self.retry_after = retry_after
        super().__init__(problem, retryable=retryable, retry_after=round(retry_after, 3), **said)


class ModelError(SwitchboardError):
    """A model did not give a usable answer.

    Args:
        problem: What went wrong.
        retryable: Whether the same question may succeed later; the class knows, unless told.
        retry_after: Seconds the server asked us to wait; None if it did not say.
        input_tokens: Tokens that were paid for although no answer came of them.
        output_tokens: The same, for what the model wrote.
        **said: As for every error of the library.
    """

    code = "model_error"
    usually_retryable: ClassVar[bool] = False

    def __init__(
        self,
        problem: str,
        *,
        retryable: bool | None = None,
        retry_after: float | None = None,
        input_tokens: int = 0,
        output_tokens: int = 0,
        **said: Any,
    ) -> None:
        self.retryable = self.usually_retryable if retryable is None else retryable
        self.retry_after = retry_after
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        super().__init__(problem, retryable=self.retryable, retry_after=retry_after, **said)


class ModelUnreachable(ModelError, ConnectionError):
    """No connection to the model, or one that broke."""

    code = "model_unreachable"
    usually_retryable = True


class ModelTimeout(ModelError, TimeoutError):
    """The model did not answer within its time."""

    code = "model_timeout"
    usually_retryable = True


class ModelBusy(ModelError):
    """The model takes no more requests just now."""

    code = "model_busy"
    usually_retryable = True


class ModelDown(ModelError):
    """The model's server failed."""

    code = "model_down"
    usually_retryable = True


class ModelRejected(ModelError):
    """The request is wrong, and will be wrong again."""

    code = "model_rejected"


class ModelKeyRefused(ModelRejected):
    """The key is unknown, or may not do this."""

    code = "model_key_refused"


class ModelQuotaSpent(ModelRejected):
    """The account has no money or quota left."""

    code = "model_quota_spent"


class ModelRefused(ModelError):
    """The model declines to answer, or a content filter stopped it."""

    code = "model_refused"


class AnswerUnusable(ModelError):
    """Something came back, and it cannot be used."""

    code = "answer_unusable"


class AnswerCut(AnswerUnusable):
    """The answer ends before its end."""

    code = "answer_cut"
    usually_retryable = True


class AnswerTooLong(AnswerUnusable):
    """The answer met the model's token limit, or is longer than we take."""

    code = "answer_too_long"


class AnswerEmpty(AnswerUnusable):
    """There is no choice, no content or no arguments in the answer."""

    code = "answer_empty"
    usually_retryable = True


class AnswerNotJson(AnswerUnusable):
    """The answer is not JSON; the model was told so once, and did it again."""

    code = "answer_not_json"


class AnswerMismatch(AnswerUnusable):
    """The answer is JSON, but breaks the contract; the model was told so once, and did it again."""

    code = "answer_mismatch"


class ToolRefused(AnswerUnusable):
    """The model called a tool that is not offered, twice, with wrong arguments, or of high risk.

    `fields["why"]` says which: `unknown`, `duplicate`, `invalid_arguments`, `high_risk` or `too_many`.

    Args:
        problem: What went wrong.
        tool: The tool, where it is a known one.
        why: The kind of wrong.
        final: Whether the model is not even told, as no other answer can help.
        **said: As for every error of a model.
    """

    code = "tool_refused"

    def __init__(self, problem: str, *, tool: str, why: str, final: bool = False, **said: Any) -> None:
        self.tool = tool
        self.why = why
        self.final = final
        super().__init__(problem, tool=tool, why=why, **said)
