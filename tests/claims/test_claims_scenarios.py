"""Public claim papers of another insurer: read, looked up, and put to a person with a sensible question."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from contracts.claims import Claim, Document
from graphs.claims import claims
from langgraph_switchboard import Switchboard

pytestmark = [pytest.mark.pg, pytest.mark.data]

COVER_LETTER = "I claim the benefit that is due on the death of the insured person. The papers are enclosed."
READ = {
    1: ("LIP-2019-087234", "Robert James Mitchell", date(2026, 2, 10), "Margaret Anne Mitchell"),
    2: ("LIP-2018-054891", "Thomas Edward Parker", date(2026, 2, 18), "Jennifer Lynn Parker"),
    3: ("LIP-2025-112847", "Victor Alejandro Reyes", date(2026, 2, 22), "Maria Elena Reyes"),
    4: ("LIP-2015-023456", "Elizabeth Grace Thornton", date(2026, 2, 8), "Catherine Thornton-Wells"),
    5: ("LIP-2021-078345", "Andrew Paul Kowalski", date(2026, 2, 25), "Susan Marie Kowalski"),
    6: ("LIP-2025-098712", "Daniel James Crawford", date(2026, 2, 15), "Karen Marie Crawford"),
    7: ("LIP-2023-065478", "William Henry Foster", date(2026, 2, 27), "Linda Ann Foster"),
    8: (None, "Samuel Thomas Rivera", date(2026, 7, 18), "Elena Rivera"),
    9: ("LIP-2017-089012", "Marcus Anthony Walsh", date(2026, 6, 3), "Rebecca Lynn Walsh"),
}
"""By scenario: the policy, the insured person, the day of death, and who claims."""
ASKS = {
    1: ["LIP-2019-087234 does not stand in our books", "ACTIVE", "face amount: $250,000.00"],
    2: ["LIP-2018-054891 does not stand in our books", "LAPSED"],
    3: ["LIP-2025-112847 does not stand in our books", "effective date: December 1, 2025"],
    4: ["LIP-2015-023456 does not stand in our books", "face amount: $750,000.00"],
    6: ["LIP-2025-098712 does not stand in our books", "Suicide within two years"],
    7: ["LIP-2023-065478 does not stand in our books", "face amount: $150,000.00"],
    9: ["LIP-2017-089012 does not stand in our books", "No copy of it came", "act of war"],
}
"""What the person is asked: whether the policy is ours, what its copy says, and what may exclude it."""
CLAIMANT = {5: "the death certificate", 8: "the number of the policy"}
"""Whom the claim cannot be decided without, and what is asked for."""


def scenario(folder: Path, number: int) -> Claim:
    """The papers of one scenario as a claim; a claim form among them is its text."""
    papers = {one.name: one.read_text(encoding="utf-8") for one in sorted(folder.glob(f"scenario{number}_*"))}
    form = next((name for name in papers if "claim_form" in name), None)
    text = papers.pop(form) if form else COVER_LETTER
    enclosed = tuple(Document(name=name, text=text) for name, text in papers.items())
    return Claim(id=f"scenario-{number}", text=text, received=date(2026, 7, 30), documents=enclosed)


@pytest.mark.parametrize("number", sorted(READ))
async def test_a_scenario_is_read_and_parked_with_a_question(
    number: int, pg_dsn: str, data_dir: Path
) -> None:
    """No claim on a policy that we do not have is paid or declined alone; what lacks is asked for."""
    claim = scenario(data_dir / "aws_insurance_claims" / "documents", number)
    async with Switchboard.open(pg_dsn) as switchboard:
        view = await switchboard.run(claims, claim)

    read = view.state.particulars  # type: ignore[attr-defined]
    assert (read.policy_number, read.insured, read.loss_date, read.claimant) == READ[number]
    assert (read.line, read.peril) == ("life", "death")
    assert view.status == "waiting"
    assert view.state.payment is None  # type: ignore[attr-defined]
    (review,) = view.reviews
    if number in CLAIMANT:
        assert view.row.step == "documents"
        assert CLAIMANT[number] in review.shown["request"]["question"]
    else:
        assert view.row.step == "review"
        for words in ASKS[number]:
            assert words in review.reason
