"""`langgraph dev` as a child process, from a folder of links, so that its own files stay out of the tree."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINKED = ("langgraph.json", "contracts", "nodes", "graphs", "checkpoints", "evals")
QUIET = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGGRAPH_NO_VERSION_CHECK": "true"}
"""Without these the command tells its maker that it was called, and asks for a newer one."""
READY = "Application started up"


@dataclass
class Served:
    """A running server.

    Args:
        url: Where it listens.
        log: Every line that it wrote so far.
        process: The process.
    """

    url: str
    log: list[str]
    process: subprocess.Popen[str]


@contextmanager
def langgraph_dev(folder: Path, home: Path, variables: Mapping[str, str] | None = None) -> Iterator[Served]:
    """The project's `langgraph.json`, served on a free port of 127.0.0.1 until the block ends.

    The server keeps `.langgraph_api/` in its working directory, which must look like the
    repository's root; so it gets a folder of links to it.

    Args:
        folder: An empty folder, or one that an earlier server left.
        home: SWITCHBOARD_HOME of the server.
        variables: LangSmith's; without them tracing is off, and none of this process's are handed on.
    """
    for name in LINKED:
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    port = _free_port()
    command = [str(Path(sys.executable).with_name("langgraph")), "dev", "--no-browser", "--no-reload"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--n-jobs-per-worker", "10"],
        cwd=folder,
        env=_environment(home, variables or {"LANGSMITH_TRACING": "false"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    served = Served(f"http://127.0.0.1:{port}", [], process)
    try:
        _wait_until_ready(process, served)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[str], served: Served) -> None:
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                served.log.append(line)
                if READY in line:
                    ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    in_time = ready.wait(60)
    assert in_time and process.poll() is None, "".join(served.log[-50:])


def _environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    clean = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("LANGSMITH", "LANGCHAIN", "SWITCHBOARD", "OPENAI"))
    }
    return {**clean, **QUIET, "NO_COLOR": "1", "SWITCHBOARD_HOME": str(home), **variables}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
