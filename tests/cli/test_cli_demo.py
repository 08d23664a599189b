"""`switchboard demo`: the desk at work, real reviews left waiting, and next steps that work as printed."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.pg


def test_the_demo_tells_stories_and_its_next_steps_work(switchboard: Command) -> None:
    """Every command that it prints is copied and run as it stands."""
    shown = switchboard("demo")

    assert shown.code == 0, shown
    assert "240 tickets from" in shown.err
    stories, _, steps = shown.out.partition("What to do next")
    for words in ("ends: finished", "waits for a person", "routing accuracy", "answered alone"):
        assert words in stories
    copied = re.findall(r"^  switchboard (.*?)  +\S", steps, re.MULTILINE)
    assert [one.split()[0] for one in copied] == ["reviews", "reviews", "decide", "serve", "case", "run"]
    for one in (*copied[:3], copied[4]):  # a server that runs until it is stopped is tried by its own tests
        done = switchboard(*shlex.split(one))
        assert done.code == 0, done
        assert done.out
    assert "decided first: approve" in switchboard(*shlex.split(copied[2])).err  # it did go through
