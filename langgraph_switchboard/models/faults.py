"""What goes wrong between us and a model, as errors with a type.

Some failures are exceptions of three different libraries, some are plain Python errors
deep inside a client, and some are no error at all but a message that looks well: a
stream that was cut, an answer without content. `failure_of` reads the first two kinds,
`answer_text` the third.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from langchain_core.messages import AIMessage

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import (
    AnswerCut,
    AnswerEmpty,
    AnswerMismatch,
    AnswerNotJson,
    AnswerTooLong,
    ContractViolation,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelKeyRefused,
    ModelQuotaSpent,
    ModelRefused,
    ModelRejected,
    ModelTimeout,
    ModelUnreachable,
    SwitchboardError,
)
from langgraph_switchboard.ledger.redaction import MARKS, redact
from langgraph_switchboard.models.asking import C, Usage

_BY_STATUS: dict[int, type[ModelError]] = {
    401: ModelKeyRefused,
    403: ModelKeyRefused,
    408: ModelTimeout,
    409: ModelBusy,
    425: ModelBusy,
    429: ModelBusy,
}


def failure_of(error: Exception, where: str) -> ModelError | None:
    """The typed failure that stands behind a client's exception, or None if it is none of ours.

    Args:
        error: What the client raised.
        where: The model, for the message.

    What comes back as None is another's business (an interrupt, a spent budget, a bug)
    and must be raised on.
    """
    import openai

    said = _said(error)
    match error:
        case SwitchboardError():
            return error if isinstance(error, ModelError) else None
        case openai.APITimeoutError() | TimeoutError():
            return ModelTimeout("the model did not answer in time", where=where)
        case openai.APIStatusError():
            return _of_status(error.status_code, error.response.headers, said, where)
        case openai.APIResponseValidationError() | json.JSONDecodeError():
            return AnswerNotJson("the server's response is not JSON", where=where, retryable=True)
        case openai.APIConnectionError() if "complete message body" in _causes(error):
            return AnswerCut("the connection ended before the answer did", where=where)
        case openai.APIConnectionError():
            return ModelUnreachable("no connection to the model", where=where, came=said, mend=_REACH)
        case openai.LengthFinishReasonError():
            usage = error.completion.usage
            paid = Usage(usage.prompt_tokens, usage.completion_tokens) if usage else Usage()
            return _with(AnswerTooLong, "the answer met the token limit", where, paid)
        case openai.ContentFilterFinishReasonError():
            return ModelRefused("the model declines to answer", where=where, came=said)
        case openai.OpenAIError():
            # Raised in the middle of a stream, where there is no status any more.
            return ModelDown("the model's server failed", where=where, came=said)
        case IndexError() | KeyError() | TypeError() | AttributeError() | AssertionError():
            # How a response without choices, or a stream without events, shows: the client falls over it.
            return AnswerEmpty("there is no choice in the answer", where=where, came=type(error).__name__)
        case ValueError():
            # Some servers answer 200 and put the error into the body.
            return ModelDown("the server answered with an error of its own", where=where, came=said)
        case _:
            return _of_transport(error, where)


def answer_text(message: AIMessage, where: str, longest: int) -> str:
    """The JSON text of a finished answer.

    Args:
        message: What the model said.
        where: The model, for the message.
        longest: The longest text that is taken, in characters.

    Raises:
        ModelError: It was refused, cut, too long or empty, although no client complained.
    """
    usage = usage_of(message)
    finish = message.response_metadata.get("finish_reason")
    if refusal := message.additional_kwargs.get("refusal"):
        raise _with(ModelRefused, "the model declines to answer", where, usage, came=_short(refusal))
    if finish == "content_filter":
        raise _with(ModelRefused, "a content filter stopped the answer", where, usage)
    if finish == "length":
        raise _with(AnswerTooLong, "the answer met the token limit", where, usage)
    if finish is None:
        raise _with(AnswerCut, "the answer ends before its end", where, usage, wanted="a finish_reason")
    text = message.text
    if not text.strip():
        raise _with(AnswerEmpty, "the answer has no content", where, usage, came=f"finish_reason {finish!r}")
    if len(text) > longest:
        raise _with(
            AnswerTooLong,
            "the answer is longer than we take",
            where,
            usage,
            wanted=f"at most {longest} characters",
            came=str(len(text)),
        )
    return text


def accept_answer(text: str, contract: type[C], where: str, usage: Usage) -> C:
    """The answer as the contract.

    Raises:
        AnswerNotJson: It is not a JSON object.
        AnswerMismatch: It breaks the contract; `fields["problems"]` lists how, without values.
    """
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        unread = [{"at": "the answer", "code": "not_json", "says": "is not JSON"}]
        raise _with(AnswerNotJson, "the answer is not JSON", where, usage, problems=unread) from None
    try:
        return contract.accept(value, by=where)
    except ContractViolation as error:
        raise _mismatch(error, contract, where, usage) from None


def check_no_marks(text: str, where: str, usage: Usage) -> None:
    """Refuse an answer that quotes what was redacted from the question.

    The model saw `<phone>` where the facts have a number; a customer must not read that.

    Raises:
        AnswerMismatch: The model is not told, as the same facts lead to the same quote.
    """
    quoted = [mark for mark in MARKS if mark in text]
    if quoted:
        raise _with(
            AnswerMismatch,
            "the answer quotes what was redacted from the facts",
            where,
            usage,
            came=", ".join(quoted),
        )


def usage_of(message: AIMessage) -> Usage:
    """The tokens that a message cost, as far as the server says."""
    said = message.usage_metadata
    return Usage(said["input_tokens"], said["output_tokens"]) if said else Usage()


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a server asks us to wait, from seconds or an HTTP date (RFC 9110, 10.2.3).

    Args:
        headers: Of the response; names in lower case, or a mapping that ignores case.
        now: Seconds since 1970; the present time unless given.

    Returns:
        Zero or more seconds, or None if it says nothing that can be read.
    """
    said = headers.get("retry-after")
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(said).timestamp() - (time.time() if now is None else now)
        except ValueError:
            return None
    return max(0.0, seconds) if seconds < float("inf") else None


_REACH = "Check OPENAI_BASE_URL, and that the server runs."


def _of_status(status: int, headers: Mapping[str, str], said: str, where: str) -> ModelError:
    if status == 429 and "insufficient_quota" in said:
        return ModelQuotaSpent("the account has no quota left", where=where, status=status)
    kind = _BY_STATUS.get(status) or (ModelDown if status >= 500 else ModelRejected)
    mend = "Check OPENAI_API_KEY." if kind is ModelKeyRefused else ""
    return kind(
        f"the model's server answered {status}",
        where=where,
        came=said,
        mend=mend,
        retry_after=retry_after(headers),
        status=status,
    )


def _of_transport(error: Exception, where: str) -> ModelError | None:
    """A connection that breaks in the middle of a stream passes the client as it is."""
    # By name: the client stands on httpx or on httpx2, which share no base class.
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("httpx")}
    if "TimeoutException" in kinds:
        return ModelTimeout("the model did not answer in time", where=where)
    if "RemoteProtocolError" in kinds:
        return AnswerCut("the connection ended before the answer did", where=where)
    if "TransportError" in kinds:
        return ModelUnreachable("no connection to the model", where=where, mend=_REACH)
    return None


def _mismatch(error: ContractViolation, contract: type[Contract], where: str, usage: Usage) -> ModelError:
    first = error.problems[0]
    return _with(
        AnswerMismatch,
        f"the answer breaks the contract {contract.contract_name}",
        where,
        usage,
        came=f"{first['at']} {first['says']}",
        problems=error.problems,
    )


def _with(kind: type[ModelError], problem: str, where: str, usage: Usage, **said: Any) -> ModelError:
    return kind(
        problem, where=where, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, **said
    )


def _causes(error: BaseException | None) -> str:
    """What all the errors behind an error said; clients wrap the one that knows."""
    said = []
    while error is not None:
        said.append(str(error))
        error = error.__cause__
    return " / ".join(said)


def _said(error: Exception) -> str:
    return _short(f"{type(error).__name__}: {error}")


def _short(text: object) -> str:
    clean = str(redact(str(text)[:2000]))
    return clean if len(clean) <= 300 else clean[:299] + "…"
