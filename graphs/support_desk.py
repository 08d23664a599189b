"""The support desk: a ticket comes in, a reply goes out, and a person decides where it matters.

    ticket -> intake -> supervisor -+-> faq -----------+
                                    +-> billing -------+-> gate -+- sure ----------------> send -> END
                                    +-> technical -----+         +- unsure -> review -+--> send -> END
                                    +-> account -------+              (a person)      +--> declined
                                    +-> generalist ----+
                                        (nobody sure, or a specialist failed)

High stakes (a stolen card, a payment nobody made, an account to be closed, a refund) always
come to a person, however sure the agent is.
"""

from contracts.support import ReplyDecision, SupportCase
from langgraph_switchboard import END, Blueprint
from nodes.support import (
    account_care,
    billing,
    by_hand,
    faq,
    generalist,
    intake,
    is_high_stakes,
    route_ticket,
    send,
    technical,
)

desk = Blueprint(
    "support_desk",
    case=SupportCase,
    version=1,
    owner="support-operations",
    knowledge="nodes.knowledge",
    tables="nodes.data",
)
desk.step(intake, then="supervisor", fallback="supervisor")
desk.supervise(
    "supervisor",
    route_ticket,
    agents=[faq, billing, technical, "account"],
    unsure=generalist,
    threshold=0.7,
    fallback="review",
)
desk.step(faq, then="gate", fallback=generalist)
desk.step(billing, then="gate", fallback=generalist)
desk.step(technical, then="gate", fallback=generalist)
desk.step(account_care, name="account", then="gate", fallback=generalist)
desk.step(generalist, then="gate", fallback="review")
desk.gate("gate", of="reply", always=is_high_stakes, sure=send, unsure="review")
desk.review(
    "review",
    of="reply",
    decides=ReplyDecision,
    then=send,
    within="4h",
    expires="7d",
    responds=by_hand,
    high_when=is_high_stakes,
)
desk.effect(send, then=END, fallback="review", approved="review", when=is_high_stakes)

graph = desk.build()
