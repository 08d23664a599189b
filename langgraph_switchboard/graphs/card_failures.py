"""What happens on each failure, in the words of a process card: the same ladder for every step."""

from __future__ import annotations

from langgraph_switchboard.graphs.card import ASIDE, Card


def failures(card: Card) -> tuple[tuple[str, str], ...]:
    """Each kind of failure with what becomes of the case; only those that this process can have.

    Args:
        card: The card that they stand on.
    """
    steps = card.steps
    said = [
        (
            "A step gives no answer in its time, or breaks down",
            "It is tried again as often as its row says. Then whoever stands under *if it fails* takes over.",
        ),
        (
            "A step gives something else than it promised",
            "It goes nowhere: what is handed on is checked each time. It is kept aside with the name of who "
            "gave it, and the case goes on as if the step had failed.",
        ),
        (
            "Nobody is left to take over",
            f"The case is {ASIDE}, with everything it had; nothing is lost, and it can be taken up again.",
        ),
        (
            "The machine stops in the middle",
            "The case goes on where it stood: the step that was under way begins again, and what it had "
            "already booked is not booked twice.",
        ),
    ]
    if any(step.spends for step in steps) or any(name == "May spend" for name, _ in card.facts):
        said.append(
            (
                "A spending limit is reached",
                "The question is not asked. The case goes on as if the step had failed, without another try.",
            )
        )
    if any(step.limit for step in steps):
        said.append(
            (
                "Somebody who answers is in trouble",
                "After too many failures it is left alone for a while, so that it can recover; meanwhile "
                "cases go the way of a failed step.",
            )
        )
    if card.reviews:
        said.append(
            (
                "Nobody decides in time",
                "The question is marked as overdue. It is never approved by time alone; what happens then "
                "stands with each question above.",
            )
        )
    if any(step.kind == "effect" for step in steps):
        said.append(
            (
                "Nobody knows whether something was done to the world",
                "It is not done again by guesswork: a person is asked whether it happened.",
            )
        )
    return tuple(said)
