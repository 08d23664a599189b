"""The pytest plugin: a crash sweep of one's own blueprint.

    pytest --switchboard-chaos=graphs.support_desk:desk --switchboard-chaos-input tickets.jsonl

Processes are killed at the statements and effects of the flow, somebody else goes on, and
the session fails where a case is lost, an effect is done twice, or a case ends otherwise
than undisturbed. Without test files on the command line the sweep runs alone.

Nothing heavy is imported here: pytest loads this module at every start.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from langgraph_switchboard.testing.chaos import Plan

_POINTS = 60
_LINES = 2
_TOLD = "switchboard_chaos"
"""What a test's report carries home, from whichever worker: a line and a number of points."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the sweep."""
    group = parser.getgroup("switchboard", "langgraph-switchboard")
    option = group.addoption
    option("--switchboard-chaos", metavar="MODULE:NAME", help="sweep this blueprint with kill -9")
    option("--switchboard-chaos-input", metavar="FILE", help="JSONL of inputs; the first lines are used")
    option("--switchboard-chaos-points", metavar="N", type=int, default=_POINTS, help=f"points ({_POINTS})")
    option("--switchboard-chaos-at", metavar="TEXT", default="", help="only statements that hold this text")
    option("--switchboard-chaos-database", metavar="DSN", help="a database to fill; else one is started")
    option("--switchboard-chaos-seed", metavar="S", type=int, default=0, help="which points are drawn (0)")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Collect nothing where the sweep runs alone."""
    return True if _is_alone(config) else None


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put the sweep behind the tests that were asked for."""
    flow = config.getoption("--switchboard-chaos")
    if not flow:
        return
    items.append(ChaosItem.from_parent(session, name=f"chaos of {flow}", flow=flow))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many points were tried, and what came of them."""
    done = [report for some in ("passed", "failed") for report in terminalreporter.stats.get(some, ())]
    told = [value for report in done for name, value in report.user_properties if name == _TOLD]
    if told:
        terminalreporter.section("switchboard chaos")
        for line, _ in told:
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"{sum(points for _, points in told)} points tried")


class ChaosItem(pytest.Item):
    """The sweep of one blueprint as a test: driven by the switchboard, and as a LangGraph server does it.

    Args:
        flow: `"module:name"`.
    """

    def __init__(self, *, flow: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._flow = flow

    def runtest(self) -> None:
        """Sweep; the points are spread over the two ways of driving and the lines of the inputs."""
        # Imported here, where it is wanted: a plain test session must not pay for it.
        from langgraph_switchboard.testing.chaos import sweeper
        from langgraph_switchboard.testing.chaos.place import throwaway_server

        plans = self._plans()
        named = self.config.getoption("--switchboard-chaos-database")
        with nullcontext(named) if named else throwaway_server() as dsn, sweeper(dsn) as chaos:
            reports = [chaos.sweep(plan) for plan in plans]
        self.user_properties += [(_TOLD, (one.line(), one.points)) for one in reports]
        told = [line for one in reports if not one.is_clean for line in one.lines()]
        if told:
            raise ChaosFound("\n".join(told))

    def _plans(self) -> list[Plan]:
        from langgraph_switchboard.switchboard.flows import load_blueprint
        from langgraph_switchboard.testing.chaos import OF_BLUEPRINT, Plan
        from langgraph_switchboard.testing.chaos.inputs import read_inputs

        option = self.config.getoption
        if not option("--switchboard-chaos-input"):
            raise pytest.UsageError("--switchboard-chaos needs --switchboard-chaos-input FILE")
        lines = read_inputs(Path(option("--switchboard-chaos-input")), load_blueprint(self._flow), _LINES)
        most = max(1, option("--switchboard-chaos-points") // (2 * len(lines)))
        return [
            Plan(
                f"{self._flow}, {mode}, line {number}",
                OF_BLUEPRINT,
                {"flow": self._flow, "mode": mode, **line},
                at=option("--switchboard-chaos-at"),
                most=most,
                seed=option("--switchboard-chaos-seed"),
            )
            for number, line in enumerate(lines, start=1)
            for mode in ("sync", "async")
        ]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The points that broke a law, without a traceback of the plugin's own."""
        if isinstance(excinfo.value, ChaosFound):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test is said to stand."""
        return self.config.rootpath, None, self.name


class ChaosFound(AssertionError):
    """A law was broken at some point."""


def _is_alone(config: pytest.Config) -> bool:
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    return bool(config.getoption("--switchboard-chaos")) and not named
