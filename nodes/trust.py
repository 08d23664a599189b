"""What the desk asks of a model's reply before it trusts it: what it may rest on, and what is never right."""

import re
from collections.abc import Mapping
from typing import Any

from contracts.support import Reply
from nodes.promises import promises_money

COURTESIES = """\
Thank you for your message. Thank you for writing to us, and for your patience. We are sorry for the
trouble and the inconvenience that this has caused you. We understand that this is worrying. Please let us
know if you have further questions; we are happy to help. Kind regards, Larkpay Support, your team."""
"""What a reply may say without a source: it claims nothing."""

_LINK = re.compile(r"https?://|www\.|\b[\w-]+\.(?:com|net|org|io|ru|info)\b", re.IGNORECASE)
_TO_US = re.compile(
    r"\b(?:system|assistant|developer) ?:|\bignore (?:all|any|the|my|your) |\b(?:as an ai|language model)\b",
    re.IGNORECASE,
)


def sources_of(reply: Reply, facts: Mapping[str, Any]) -> list[str]:
    """The texts that the reply names: passages of the articles that it cites, and what its rows say.

    An article that it was shown and does not cite holds nothing for it.
    """
    articles = [
        f"{one['title']}.\n\n{one['passage']}" for one in facts["articles"] if one["id"] in reply.cites
    ]
    rows = [one["says"] for one in facts["rows"] if set(one["refs"]) & set(reply.rows)]
    return [*articles, *rows, COURTESIES]


def promises_nothing(reply: Reply) -> bool:
    """It does not say that money is given: a person decides that."""
    return not promises_money(reply.text)


def sends_nobody_away(reply: Reply) -> bool:
    """It holds no link: none of our articles has one."""
    return _LINK.search(reply.text) is None


def speaks_to_the_customer(reply: Reply) -> bool:
    """It does not talk like a prompt, which is how an injected instruction comes out again."""
    return _TO_US.search(reply.text) is None


VALIDATORS = (promises_nothing, sends_nobody_away, speaks_to_the_customer)
"""What a reply of a model must pass to be trusted at all."""
