"""Where a run goes: this machine, or LangSmith when somebody says so and has a key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid5

from langsmith import Client
from langsmith.schemas import Example
from langsmith.utils import LangSmithError

from langgraph_switchboard.errors import ConfigurationError
from langgraph_switchboard.ledger import redact

KEYS = ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")


@dataclass(frozen=True)
class Destination:
    """Where the scores of a run go.

    Args:
        client: LangSmith's client.
        examples: The examples, with the ids that they have there.
        uploads: Whether anything is sent.
        address: Where the dataset can be seen; None on this machine.
    """

    client: Client
    examples: list[Example]
    uploads: bool
    address: str | None = None


def this_machine(examples: Sequence[Example]) -> Destination:
    """Nowhere: a client that asks nobody anything and samples no trace.

    `upload_results=False` alone still sends every run of the target; a sampling rate of 0
    and an `info` of its own are what keep the client still.
    """
    client = Client(
        api_url="http://127.0.0.1:9",
        api_key="local",
        info={},
        tracing_sampling_rate=0.0,
        auto_batch_tracing=False,
    )
    return Destination(client, list(examples), uploads=False)


def langsmith(name: str, examples: Sequence[Example]) -> Destination:
    """LangSmith: the dataset is made there unless it is there, and lacking examples are added.

    Examples and runs pass through the redaction, as every trace does. LangSmith's runner adds
    branch, commit and author of the git repository that it runs in. Call it in a thread: it
    asks the server.

    Args:
        name: What the dataset is called there.
        examples: Its examples.

    Raises:
        ConfigurationError: There is no key, or LangSmith refuses.
    """
    key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
    if key is None:
        raise ConfigurationError(
            "there is no key to upload with", where="--upload", mend=f"Set {KEYS[0]}, or leave --upload out."
        )
    # Said outright, because LangSmith remembers how its variables stood when it first looked.
    client = Client(api_url=os.environ.get("LANGSMITH_ENDPOINT"), api_key=key, anonymizer=redact)
    try:
        there = client.has_dataset(dataset_name=name)
        dataset = (
            client.read_dataset(dataset_name=name)
            if there
            else client.create_dataset(name, description="Examples of `switchboard eval`.")
        )
        # Ids are one space for all users of LangSmith: ours must differ from dataset to dataset.
        own = [
            one.model_copy(update={"id": uuid5(dataset.id, str(one.id)), "dataset_id": dataset.id})
            for one in examples
        ]
        known = {one.id for one in client.list_examples(dataset_id=dataset.id)} if there else set()
        new = [one for one in own if one.id not in known]
        if new:
            client.create_examples(dataset_id=dataset.id, examples=[_as_new(one) for one in new])
    except LangSmithError as error:
        raise ConfigurationError(
            "LangSmith does not take the dataset",
            where="--upload",
            came=f"{type(error).__name__}: {error}"[:500],
            mend="Check the key and LANGSMITH_ENDPOINT, or leave --upload out.",
        ) from error
    return Destination(client, own, uploads=True, address=dataset.url)


def _as_new(example: Example) -> dict[str, object]:
    plain = {
        "inputs": example.inputs,
        "reference_outputs": example.outputs,
        "metadata": example.metadata,
    }
    return {"id": example.id, **{key: redact(value) for key, value in plain.items()}}
