"""Check: everything that is wrong with a process, found before it runs."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph_switchboard.graphs.process import Process


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        code: Stable name of the kind of fault.
        step: Where.
        says: What is wrong.
        path: The steps that show it, in order.
        mend: What to do.
        is_error: An error refuses the blueprint; a warning does not.
    """

    code: str
    step: str
    says: str
    path: tuple[str, ...] = ()
    mend: str = ""
    is_error: bool = True

    def __str__(self) -> str:
        """One line: code, step, fault, path, mend."""
        path = f" [{' -> '.join(self.path)}]" if self.path else ""
        return f"{self.code} at {self.step!r}: {self.says}{path} {self.mend}".rstrip()


def check(process: Process) -> list[Finding]:
    """All findings, errors first."""
    return []
