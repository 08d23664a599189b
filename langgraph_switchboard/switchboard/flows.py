"""Flows: finding a blueprint by `"module:name"`, and keeping its compiled graph."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from langgraph_switchboard.contracts import Contract
from langgraph_switchboard.errors import ConfigurationError, InputRefused
from langgraph_switchboard.graphs import Blueprint, Process, load_yaml


@dataclass(frozen=True)
class Flow:
    """A blueprint, compiled with the switchboard's saver.

    Args:
        process: The blueprint as data.
        graph: What runs.
        digest: The process's digest, computed once.
    """

    process: Process
    graph: CompiledStateGraph[Any, Any, Any, Any]
    digest: str

    @property
    def name(self) -> str:
        """The flow's name."""
        return self.process.name

    def payloads(self, given: Contract | Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a case as payload by field, validated before anything is accepted.

        Args:
            given: The input contract itself where the case has one; else a mapping of field
                to contract or payload.

        Raises:
            InputRefused: A field is missing or unknown.
            ContractViolation: An input breaks its contract.
        """
        inputs = self.process.flow().inputs
        if isinstance(given, Contract):
            fields = [name for name, contract in inputs.items() if type(given) is contract]
            given = {fields[0]: given} if len(fields) == 1 else {type(given).__name__: given}
        unknown, missing = given.keys() - inputs.keys(), inputs.keys() - given.keys()
        if unknown or missing:
            raise InputRefused(
                "the inputs of the case do not fit",
                where=f"flow {self.name!r}",
                wanted=", ".join(inputs),
                came=", ".join(given) or "nothing",
                mend="Give exactly these fields.",
            )
        return {
            name: contract.accept(given[name], by="input").model_dump(mode="json")
            for name, contract in inputs.items()
        }


def compile_flow(blueprint: Blueprint, saver: BaseCheckpointSaver[Any]) -> Flow:
    """Check, build and compile a blueprint.

    Raises:
        BlueprintError: The check found errors.
    """
    process = blueprint.process()
    return Flow(process, blueprint.build().compile(checkpointer=saver, name=process.name), process.digest)


def load_blueprint(reference: str) -> Blueprint:
    """The blueprint that `"module:name"` names, or that a YAML file says.

    Raises:
        ConfigurationError: The text is not of that form, there is no such module or name,
            or what it names is no blueprint.
        BlueprintUnreadable: The YAML file says no blueprint; says where.
    """
    if reference.endswith((".yaml", ".yml")):
        return load_yaml(Path(reference))
    module_name, colon, name = reference.partition(":")
    if not (module_name and colon and name):
        raise ConfigurationError(
            f"{reference!r} names no flow that is open here",
            wanted="module:name, such as graphs.support_desk:desk",
            mend="Open the switchboard with it; on the command line, name it with --flow.",
        )
    module = module_named(
        module_name,
        where=reference,
        mend="Run from the folder that holds graphs/, or check the spelling.",
    )
    found = getattr(module, name, None)
    if isinstance(found, Blueprint):
        return found
    there = [key for key, value in vars(module).items() if isinstance(value, Blueprint)]
    close = difflib.get_close_matches(name, there, n=1)
    raise ConfigurationError(
        f"{module_name!r} has no blueprint called {name!r}"
        if found is None
        else f"{reference!r} is no Blueprint",
        wanted=", ".join(f"{module_name}:{one}" for one in there) or "a module that defines a Blueprint",
        came=reference if found is None else type(found).__name__,
        mend=f"Did you mean {module_name}:{close[0]}?" if close else "",
    )


def module_named(name: str, *, where: str, wanted: str = "", mend: str) -> ModuleType:
    """The module of the application that a reference names.

    Args:
        name: Its dotted name.
        where: What named it, for the error.
        wanted: What would have been right, for the error.
        mend: What to do about it, for the error.

    Raises:
        ConfigurationError: There is no such module.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Only the module itself missing is a wrong name; a missing import inside it is its own fault.
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise ConfigurationError(
            f"there is no module {name!r}", where=where, wanted=wanted, mend=mend
        ) from None
