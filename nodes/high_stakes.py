"""Which matters always go to a person, however sure the desk is.

Judged twice, by topic and by wording, because a classifier may err and this rule must
not. A false alarm costs a person a minute; a miss may cost a customer an account.
"""

import re

from contracts.support import Ticket
from langgraph_switchboard.routing.decision import Route

HIGH_STAKES_TOPICS = {
    "lost_or_stolen_card": "a lost or stolen card",
    "compromised_card": "a compromised card",
    "lost_or_stolen_phone": "a lost or stolen phone",
    "card_payment_not_recognised": "a payment that the customer does not recognise",
    "cash_withdrawal_not_recognised": "a withdrawal that the customer does not recognise",
    "direct_debit_payment_not_recognised": "a direct debit that the customer does not recognise",
    "terminate_account": "closing an account",
    "request_refund": "a refund",
    "refund_not_showing_up": "a refund",
}
"""Topics of the desk's classifier that a person must see, with the reason in words."""

_NOT = r"(?:not|never|cannot|no longer|\w+n't|dont|didnt|doesnt|wasnt|isnt|havent|hasnt|cant)"
_MONEY = (
    r"(?:payments?|transactions?|charged?|charges|withdrawals?|witdrawals?|withdrawls?|withdrew|withdrawn?|debits?|"
    r"debited|purchased?|purchases|bought|cash|money|funds?|transfers?|bills?|entr(?:y|ies)|activity|deposits?)"
)
_MINE = (
    r"(?:cards?|wallet|purse|handbag|bag|phones?|mobiles?|cell|cellphone|smartphones?|iphone|handset|device)"
)
_GONE = (
    r"(?:lost|losing|lose|stolen|stole|steal|theft|thief|robbed|nicked|snatched|pickpocketed|missing|"
    r"misplaced|misplace|mislaid|disappeared|vanished|left behind)"
)
_NEVER = r"(?:not|never|didn't|didnt|haven't|havent)"
_DID = (
    r"(?:make|made|making|do|done|did|buy|bought|purchase|purchased|withdraw|withdrew|take|took|get|got|use|set|"
    r"place|placed|create|created|complete|completed|submit|submitted|deposit|receive|accept|put|charge|order|ordered)"
)
_DOUBT = (
    r"(?:recogni[sz]\w*|recongi[sz]e|remember|recall|aware|familiar|authori[sz]ed?|approved?|initiated?|"
    r"consent(?:ed)?|agreed?)"
)
_WITHDRAWN = r"(?:payment|charge|debit|transaction|withdrawal|purchase)"
_PHONE = r"(?:phone|mobile|device)"


def _near(first: str, second: str, words: int) -> str:
    """Both in one sentence, at most `words` words apart, in either order."""
    # Every part is bounded, so that no text, however long or odd, makes this slow.
    gap = rf"\W{{1,3}}(?:[^\s.!?]{{1,30}} ){{0,{words}}}?"
    return rf"\b{first}\b{gap}{second}\b|\b{second}\b{gap}{first}\b"


_WORDING = {
    "a lost or stolen card or phone": (
        _near(_GONE, _MINE, 5),
        r"\bmugged\b|\brobbed\b|\bburgl\w+|\bpickpocket\w*",
        r"\b(?:everything|all my \w+|my things)\b[^.!?]{0,25}\bstolen\b",
        rf"\b(?:unable to|can't|cant|cannot|couldn't|can not) (?:find|locate) (?:my|the) {_MINE}\b(?! pin)",
        rf"\b(?:not sure|don't know|no idea) where (?:is )?my {_MINE}\b|\bretrieve my {_MINE}\b",
        rf"\b(?:left|forgot|dropped) (?:my|the) (?:\w+ )?{_MINE}\b",
        rf"\b(?:some ?one|some ?body|they|he|she) (?:has |have |just )?(?:took|taken|got|has) my {_MINE}\b",
        rf"\b{_MINE} (?:has been|had been|have been|was|were|got|been|is) (?:taken|lost|gone|left|at)\b",
        rf"\b{_NOT} (?:have |having )?(?:access to )?(?:my|the) {_PHONE}\b",
        rf"\bwithout (?:my|a|the) {_PHONE}\b",
    ),
    "a compromised card": (
        r"\bcompromis\w+|\bfraud\w*|\bscam\w*|\bhack\w*|\bphish\w*|\bcloned\b|\bcopy of my card",
        r"\bskimm(?:ed|er|ing)|\bidentity theft|\bbreach\w*|\bexposed\b",
        r"\bsuspicious\w*|\bunauthori[sz]\w+|\bunathori[sz]ed|\bquestionable|\bfishy\b|\billegal\w*",
        r"\b(?:some ?one|some ?body|any ?one|other people|another person|others|people)"
        r"(?: else| besides me)?\b"
        r"[^.!?]{0,40}\b(?:us(?:e|es|ed|ing)|pay(?:s|ing)?|paid|access(?:ed|ing)?|charged|withdr\w+|took|taken|taking|stole|"
        r"stealing|spen\w+|ha[sd] my|got my|knows my|made|ordered|bought)\b",
        r"\bby (?:some ?one|some ?body)\b|\bnot by me\b|\bbesides me\b",
        r"\b(?:freez\w+|froze|block) (?:on )?(?:my|the|a) (?:card|account)\b",
    ),
    "something that the customer does not recognise": (
        rf"\b{_NOT} (?:\w+ ){{0,3}}{_DOUBT}\b(?! me\b| (?:my )?(?:\w+ )?(?:pass|pin|code)| what my)",
        r"\bunfamiliar|\bun?known\b|\buknown\b|\bunrecogni[sz]\w+|\bunusual|\bunexpected|\bstrange|\bweird",
        rf"\bmyster\w+|\b(?:odd|random|false|bogus) (?:\w+ )?{_MONEY}",
        rf"\b{_MONEY}\b[^.!?]{{0,70}}\bI(?: \w+)? {_NEVER} (?:\w+ ){{0,1}}{_DID}\b",
        rf"\b{_MONEY}\b[^!?]{{0,70}}\bI (?:\w+ )?{_NEVER}\s*(?:$|[.!?])",
        rf"\bI(?: \w+)? {_NEVER} (?:\w+ ){{0,1}}(?:make|made|do|withdraw|take out|buy|set up)\b"
        rf"[^.!?]{{0,40}}\b{_MONEY}",
        rf"\b{_NOT} (?:mine|me|by me|done by me|belong to me)\b|\bnot my (?:\w+ )?{_MONEY}\b",
        rf"\b(?:{_NOT}) (?:sure|know|understand|certain|recognise|see)\b[^.!?]{{0,25}}\b(?:what|who|where)\b"
        rf"[^.!?]{{0,40}}\b(?:{_MONEY}|came|comes|coming|for)\b",
        rf"\bwhere\b[^.!?]{{0,40}}\b{_WITHDRAWN}\b[^.!?]{{0,40}}\b(?:came|come|comes|coming|is) from\b",
        rf"\bwhat (?:is|was|are)\b(?: (?:this|that|the|a)){{1,2}}(?: (?:particular|direct|cash|card)){{0,2}} "
        rf"{_MONEY}\b(?! fee| rate| limit| charge)",
        r"\bnever (?:been|seen|heard|visited)\b|\bwithout (?:my|me)\b",
        rf"\bI(?: \w+)? {_NEVER} (?:made?|d[io]d?|done) (?:it|this|that|these|those|them)\b",
        r"\bshouldn't (?:be|have been) (?:there|made)\b",
        r"\b(?:didn't|did not|havent|haven't) (?:go to|used? my card)\b",
    ),
    "closing an account": (
        _near(
            r"(?:clos(?:e|ing|ed|ure)|delet(?:e|ed|ing|ion)|terminat\w+|cancel\w*|deactivat\w+|inactivat\w+|"
            r"invalidate|disable|remov(?:e|ing)|end|ending|shut|quit|leave|get rid of|stop|finish\w*|"
            r"dispose of|discontinue|no longer|go away)",
            r"accounts?",
            5,
        ),
        r"\b(?:stop|done|quit|finished|no longer)\b[^.!?]{0,30}"
        r"\b(?:your (?:services?|bank|company|app)|larkpay|with you|a customer)\b",
    ),
    "a refund": (
        r"\brefund\w*|\breimburs\w+|\bcharge ?backs?\b|\bdisput\w+|\bdisagree\b|\bcompensat\w+",
        r"\b(?:money|cash|funds|payment|fee|charge|amount)\b (?:\w+ ){0,2}(?:back|reversed)\b",
        r"\b(?:cancel\w*|return\w*|retract\w*|revers\w+|stop)\b[^.!?]{0,25}"
        r"\b(?:purchases?d?|orders?|items?|bought|products?|merchandise|charge|policy)\b",
        r"\b(?:purchases?d?|orders?|items?|bought|products?|merchandise)\b[^.!?]{0,60}"
        r"\b(?:cancel\w*|return\w*|faulty|stop payment|reversed)\b",
    ),
    "a threat of legal action": (
        r"\blawyers?|\bsolicitors?|\battorneys?|\blegal action|\bsue (?:you|larkpay)|\bsuing",
        r"\bombudsman|\bregulators?\b|\bsmall claims|\btake (?:you|this|larkpay) to court|\bpolice\b",
        r"\bfinancial conduct",
    ),
    "a vulnerable customer": (
        r"\bsuicid\w+|\bkill(?:ing)? myself|\bend(?:ing)? my life|\bself[- ]harm",
        r"\b(?:died|passed away|deceased|bereave\w+|dementia|alzheimer\w*|terminally ill)\b",
        r"\b(?:evict\w+|homeless|bankrupt\w*|domestic abuse|gambling (?:problem|addict\w+))\b",
        r"\bcan(?:not|'t) (?:afford|buy|pay for) (?:food|rent|medicine|heating)",
    ),
}

_PATTERNS = {
    reason: re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE)
    for reason, patterns in _WORDING.items()
}


def high_stakes_wording(text: str) -> str | None:
    """The reason why these words must be seen by a person, or None."""
    plain = " ".join(text.replace("\u2019", "'").split())
    return next((reason for reason, pattern in _PATTERNS.items() if pattern.search(plain)), None)


def is_high_stakes(ticket: Ticket, route: Route | None) -> str | None:
    """Why this case must go to a person whatever the confidence, or None if it need not.

    Args:
        ticket: What the customer wrote; its wording alone is enough.
        route: Where it was sent; its topic alone is enough too.
    """
    topic = (route.topic or "").lower() if route else ""
    return HIGH_STAKES_TOPICS.get(topic) or high_stakes_wording(ticket.text)
