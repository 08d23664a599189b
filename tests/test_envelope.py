"""The sealed envelope: versions, names, digests, and everything that can be wrong with a stored one."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from langgraph_switchboard.contracts import (
    Contract,
    Envelope,
    digest_of,
    is_sealed,
    open_envelope,
    seal,
    wrap,
)
from langgraph_switchboard.errors import ContractViolation, EnvelopeDamaged, UnknownVersion


class Reply(Contract, version=3):
    """The third version of a reply: once `body`, then `words`, now `text`."""

    text: str = Field(max_length=20)

    @classmethod
    def upcast(cls, payload: dict[str, Any], version: int) -> dict[str, Any]:
        if version == 1:
            payload["words"] = payload.pop("body")
        payload["text"] = payload.pop("words")
        return payload


class Renamed(Contract, name="Reply"):
    """The same noun under another class name."""

    text: str


class Note(Contract):
    text: str = ""
    facts: Any = None


def stored(payload: dict[str, Any], /, **changed: Any) -> dict[str, Any]:
    """An envelope as another version of the code has left it."""
    envelope = {
        "contract": "Reply",
        "version": 3,
        "payload": payload,
        "by": "faq",
        "digest": digest_of(payload),
    }
    return envelope | changed


def test_an_envelope_is_plain_json() -> None:
    """It survives JSON unchanged, and says contract, version, producer and digest."""
    envelope = seal({"text": "Hello."}, Reply, by="faq")
    assert json.loads(json.dumps(envelope)) == envelope
    assert envelope == stored({"text": "Hello."})
    assert is_sealed(envelope)


@pytest.mark.parametrize(
    ("version", "payload"), [(1, {"body": "Hello."}), (2, {"words": "Hello."}), (3, {"text": "Hello."})]
)
def test_older_versions_are_read_as_the_present_one(version: int, payload: dict[str, Any]) -> None:
    """Every version from the first on is upcast and validated; the stored payload stays as it was."""
    envelope = stored(payload, version=version)
    before = json.dumps(envelope)
    assert open_envelope(envelope, Reply) == Reply(text="Hello.")
    assert json.dumps(envelope) == before


@pytest.mark.parametrize("version", [0, -1, 4, 99])
def test_an_unknown_version_is_refused_loudly(version: int) -> None:
    """Newer code wrote it, or nobody did: either way it is not guessed at."""
    with pytest.raises(UnknownVersion, match="does not know"):
        open_envelope(stored({"text": "x"}, version=version), Reply)


def test_an_upcast_that_fails_is_a_violation_like_any_other() -> None:
    """Callers meet one error type, whatever an upcast does; and it repeats no value."""
    with pytest.raises(ContractViolation, match="cannot be read as a newer one") as caught:
        open_envelope(stored({"other": "canary"}, version=1), Reply)
    assert "canary" not in f"{caught.value} {caught.value.record()}"


def test_an_upcast_payload_is_validated() -> None:
    """What an old version allowed is not let in by the back door."""
    with pytest.raises(ContractViolation) as caught:
        open_envelope(stored({"body": "x" * 21}, version=1), Reply)
    assert caught.value.by == "faq"


def test_a_renamed_class_reads_what_its_old_name_wrote() -> None:
    """`name=` is the persistent name; without it the envelope is of another contract."""
    envelope = seal({"text": "x"}, Renamed, by="faq")
    assert envelope["contract"] == "Reply"
    assert open_envelope(stored({"text": "x"}, version=1), Renamed) == Renamed(text="x")
    with pytest.raises(EnvelopeDamaged, match="another contract"):
        open_envelope(seal({"text": "x"}, Note, by="faq"), Reply)


def test_a_changed_payload_is_found_out() -> None:
    """The digest detects that somebody changed the row; the control changes nothing and is opened."""
    envelope = seal({"text": "10 EUR"}, Note, by="faq")
    assert open_envelope(dict(envelope), Note).text == "10 EUR"
    envelope["payload"]["text"] = "99 EUR"
    with pytest.raises(EnvelopeDamaged, match="digest"):
        open_envelope(envelope, Note)


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    """Postgres gives jsonb back in its own order."""
    assert digest_of({"a": 1, "b": [2.5, "ü"]}) == digest_of({"b": [2.5, "ü"], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_what_was_accepted_is_wrapped_as_it_is() -> None:
    """`seal` is `accept` and `wrap`."""
    assert wrap(Note.accept({"text": "x"}, by="faq"), by="faq") == seal({"text": "x"}, Note, by="faq")


DAMAGED: dict[str, object] = {
    "nothing": None,
    "text": "Reply",
    "the bare payload": {"text": "x"},
    "a missing digest": {k: v for k, v in stored({"text": "x"}).items() if k != "digest"},
    "a payload that is no mapping": stored({"text": "x"}, payload=["x"]),
    "a version in words": stored({"text": "x"}, version="3"),
    "a payload with NaN": stored({"text": "x"}, payload={"text": float("nan")}),
    "a payload with a surrogate": stored({"text": "x"}, payload={"text": "\ud800"}),
    "a payload with an object": stored({"text": "x"}, payload={"text": object()}),
    "an instance": Reply(text="x"),
}


@pytest.mark.parametrize("envelope", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_envelope_is_damaged(envelope: object) -> None:
    """Whatever lies in the field, one error says so, and never another."""
    with pytest.raises(EnvelopeDamaged):
        open_envelope(envelope, Reply)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, database=None)
@given(
    payload=st.dictionaries(st.sampled_from(["text", "body", "words", "x"]), _values, max_size=2),
    version=st.integers(-1, 5),
    digest=st.booleans(),
)
def test_any_stored_value_opens_or_raises_one_error(
    payload: dict[str, Any], version: int, digest: bool
) -> None:
    """Opening is total: a contract, or a `ContractViolation`."""
    try:
        right = digest_of(payload)
    except ValueError:
        right = ""
    envelope = stored({}, payload=payload, version=version, digest=right if digest else "0" * 64)
    with suppress(ContractViolation):
        assert len(open_envelope(envelope, Reply).text) <= 20


@settings(max_examples=100, deadline=None, database=None)
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    facts=st.integers(-(2**63), 2**63 - 1),
)
def test_what_is_sealed_can_be_opened(text: str, facts: int) -> None:
    """Sealing promises that the next step can read it, also after JSON has had it."""
    envelope: Envelope = json.loads(json.dumps(seal({"text": text, "facts": facts}, Note, by="faq")))
    assert open_envelope(envelope, Note) == Note(text=text, facts=facts)
