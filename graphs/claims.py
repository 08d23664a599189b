"""The insurance claim: a claim comes in, it is paid or declined, and the claimant is told.

claim -> file_papers -> extract -> list_missing -+-> look_up_policy -> detect_fraud -> decide -> gate
^                                   |
+---- documents <- ask_claimant <---+        gate -+- sure -----------> settle -> notify
(the claimant)                                +- unsure -> review -+
"""

from contracts.claims import ClaimCase, RequestAnswer, SettlementDecision
from langgraph_switchboard import END, Blueprint
from nodes.claims import (
    ask_claimant,
    decide,
    detect_fraud,
    extract,
    file_papers,
    fraud_by_rules,
    is_complete,
    list_missing,
    look_up_policy,
    money_at_stake,
    needs_person,
    notify,
    notify_plainly,
    people_needed,
    policy_unread,
    read_form,
    sent_in_words,
    settle,
)

POLICIES, INVESTIGATIONS = "policy-administration", "special-investigations"

claims = Blueprint("claims", case=ClaimCase, version=1, owner="claims-handling", tables="nodes.claims_data")
claims.step(file_papers, then="extract", timeout="10s")
claims.step(extract, then="list_missing", fallback="read_form", timeout="60s", owner="document-intake")
claims.step(read_form, then="list_missing", timeout="10s", owner="document-intake")
claims.step(list_missing, then=is_complete, timeout="10s", owner="document-intake")
claims.effect(ask_claimant, then="documents", timeout="10s", owner="document-intake")
claims.review(
    "documents", of="request", decides=RequestAnswer, then="file_papers", responds=sent_in_words,
    owner="claimant", within="14d", remind="7d", expires="30d", on_expiry="escalate",
    escalates_to="claims-handling", risk="low",
)  # fmt: skip
claims.step(look_up_policy, then="detect_fraud", fallback="policy_unread", timeout="15s", owner=POLICIES)
claims.step(policy_unread, then="detect_fraud", timeout="5s", owner=POLICIES)
claims.step(detect_fraud, then="decide", fallback="fraud_by_rules", timeout="60s", owner=INVESTIGATIONS)
claims.step(fraud_by_rules, then="decide", timeout="5s", owner=INVESTIGATIONS)
claims.step(decide, then="gate", fallback="review", timeout="10s")
claims.gate("gate", of="settlement", threshold=0.8, always=needs_person, sure="settle", unsure="review")
claims.review(
    "review", of="settlement", decides=SettlementDecision, then="settle", rejected="notify",
    owner="claims-adjusters", within="1d", remind="4h", expires="5d", on_expiry="escalate",
    escalates_to="claims-management", risk="high", amount=money_at_stake, people_when=people_needed,
)  # fmt: skip
claims.effect(
    settle, then="notify", fallback="review", approved="review", when=needs_person, timeout="30s",
    owner="payments",
)  # fmt: skip
claims.effect(notify, then=END, fallback="notify_plainly", timeout="60s", owner="correspondence")
claims.effect(notify_plainly, then=END, timeout="10s", owner="correspondence")

graph = claims.build()
