"""Finding: one thing that is wrong with a process."""

from __future__ import annotations

from dataclasses import dataclass


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
        place: File and line where the step is declared, `path:line`; empty where that is not known.
    """

    code: str
    step: str
    says: str
    path: tuple[str, ...] = ()
    mend: str = ""
    is_error: bool = True
    place: str = ""

    def __str__(self) -> str:
        """One line: code, step, fault, path, mend."""
        path = f" [{' -> '.join(self.path)}]" if self.path else ""
        mend = f" {self.mend}" if self.mend else ""
        return f"{self.code} at {self.step!r}: {self.says}.{path}{mend}"
