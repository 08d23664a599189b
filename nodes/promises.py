"""Words by which a reply would promise money; only a person may send those."""

import re

_GIVING = r"(?:refund|reimburse|compensate|repay|credit|waive|(?:pay|give) (?:it |you |them )?back)"
_PROMISE = re.compile(
    rf"\b(?:we|i|larkpay)(?:'ll|\u2019ll| will| shall| have| are going to)? (?:already |gladly )?{_GIVING}"
    r"|\byou(?:'ll|\u2019ll| will| shall) (?:be (?:refunded|reimbursed|compensated|credited)|"
    r"(?:get|receive|have) (?:\w+ ){0,3}(?:back|refund|compensation|credit))",
    re.IGNORECASE,
)
_END_OF_SENTENCE = re.compile(r"(?<=[.!?]) ")


def promises_money(text: str) -> bool:
    """Whether the text says that we give money to the customer."""
    return _PROMISE.search(" ".join(text.split())) is not None


def without_promises(paragraph: str) -> str:
    """The paragraph without the sentences that promise money.

    An article may say when we give money back; whether this is such a case, a person decides.
    """
    return " ".join(one for one in _END_OF_SENTENCE.split(paragraph) if not promises_money(one))
