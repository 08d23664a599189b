"""The agents of the claims desk: one plain async function each.

file_papers -> extract -> list_missing -> look_up_policy | detect_fraud -> decide -> settle -> notify
               (read_form)     |           (policy_unread | fraud_by_rules)         (notify_plainly)
                               +-> ask_claimant, who answers: back to file_papers
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

from contracts.claims import (
    Claim,
    ClaimFile,
    Cover,
    Document,
    FraudScreen,
    Letter,
    Missing,
    Notice,
    Particulars,
    Payment,
    Policy,
    Request,
    Settlement,
    SettlementDecision,
    Signal,
)
from langgraph_switchboard.errors import StepFailed, StoreError, StoreUnavailable
from langgraph_switchboard.models import Question
from langgraph_switchboard.nodes.context import StepContext
from langgraph_switchboard.postgres import load_queries
from nodes.claims_forms import labelled_lines, read_claim
from nodes.claims_fraud import score_of, screen
from nodes.claims_letters import notice_letter, request_letter, says_what_was_decided
from nodes.claims_papers import filed, missing_of
from nodes.claims_reading import sums_in
from nodes.claims_rules import limits_of, settle_by_rule

LETTERS = 2
"""How often a claimant is asked for what is missing; then a person decides with what is there."""
EXTRACT = (
    "Take out of the claim what it is about. Copy the policy number, the day and the amount as they stand "
    "in the papers; leave empty what they do not say, and name under `doubts` what you are not sure of."
)
SCREEN = (
    "Judge how likely it is that this insurance claim is not true. Rules have seen the given signals; add "
    "what the papers themselves show: contradictions, impossible days, sums that do not fit."
)
WRITE = (
    "Write the letter that tells the claimant our decision and its grounds, in plain and kind words. Name "
    "the amount that is paid exactly as given and no other amount; promise nothing."
)
_BOOKS = load_queries("nodes.claims_data", "payments.sql")
_SHOWN = 6_000
"""Characters of a paper that a model is shown."""
_DOUBTED = 0.5
"""Confidence at most, where a model's figure does not stand in the papers."""


async def file_papers(claim: Claim, file: ClaimFile | None, request: Request | None) -> ClaimFile:
    """Put every paper that came into the file, sorted by its kind."""
    before = [Document(name=one.name, text=one.text) for one in file.documents] if file else []
    came = request.documents if request else ()
    asked = (file.asked if file else 0) + (1 if request else 0)
    return ClaimFile(documents=filed([*before, *claim.documents, *came][:60]), asked=asked)


async def extract(claim: Claim, file: ClaimFile, ctx: StepContext) -> Particulars:
    """Take out of the papers what the claim is about: by a model, or by the form parser."""

    async def by_form(question: Question[Particulars]) -> Particulars:
        return read_claim(claim, file)

    papers = [{"name": one.name, "kind": one.kind, "text": one.text[:_SHOWN]} for one in file.documents]
    facts = {"claim": claim.text, "received": claim.received.isoformat(), "papers": papers}
    read = await ctx.ask(Particulars, EXTRACT, facts=facts, answerer=by_form)
    return _standing_in(read, claim, file)


async def read_form(claim: Claim, file: ClaimFile) -> Particulars:
    """Read the claim by its form alone, where the extraction could not be done."""
    return read_claim(claim, file)


async def list_missing(particulars: Particulars, file: ClaimFile) -> Missing:
    """Say what the claim still lacks, and put it as a question to the claimant."""
    return missing_of(particulars, file)


def is_complete(missing: Missing) -> Literal["checks", "ask_claimant"]:
    """On, where nothing is missing or the claimant has been asked often enough."""
    return "ask_claimant" if missing.question and missing.asked < LETTERS else "checks"


async def ask_claimant(claim: Claim, missing: Missing, ctx: StepContext) -> Request:
    """Write to the claimant what is missing; the letter leaves in the same commit as the step."""
    row = {
        "kind": "request",
        "claim": claim.id,
        "to": claim.claimant,
        "text": request_letter(claim, missing.question),
    }
    return Request(question=missing.question, outbox_key=ctx.outbox(f"request-{missing.asked + 1}", row))


def sent_in_words(message: str, request: Request | None) -> Request:
    """What the claimant answers in a message is a paper like any other."""
    question = request.question if request else "What would you like to add?"
    paper = Document(name="answer to our question", text=message)
    return Request(question=question, documents=(paper,), outbox_key=request.outbox_key if request else "")


async def look_up_policy(claim: Claim, file: ClaimFile, particulars: Particulars, ctx: StepContext) -> Policy:
    """Look the policy up in our tables, and the exclusions that the claim's words touch."""
    rows = await _looked_up(ctx, "policy_of", number=particulars.policy_number or "")
    words = " ".join([claim.text, particulars.cause, *(one.text for one in file.documents)])
    line = rows[0]["line"] if rows else particulars.line
    touched = await _looked_up(ctx, "exclusions_touched", line=line, words=words)
    exclusions = tuple(row["says"] for row in touched)
    if not rows:
        return Policy(found=False, exclusions=exclusions, remark=_says_the_copy(file)[:600])
    kept = ("number", "line", "holder", "beneficiary", "status", "begins", "ends", "sum_insured", "currency")
    covers = tuple(Cover(peril=row["peril"], limit=row["most"]) for row in rows if row["peril"])
    return Policy(
        found=True,
        covers=covers,
        exclusions=exclusions,
        deductible=rows[0]["deductible"],
        **{key: rows[0][key] for key in kept},
    )


async def policy_unread(particulars: Particulars) -> Policy:
    """Go on without the policy where our tables cannot be read; a person will decide."""
    return Policy(found=False, number=particulars.policy_number, status="unread")


async def detect_fraud(
    claim: Claim, file: ClaimFile, particulars: Particulars, ctx: StepContext
) -> FraudScreen:
    """Say how likely it is that the claim is not true: by rules, and by a model on top of them."""
    number = particulars.policy_number or ""
    history = await _looked_up(ctx, "history_of", number=number, claim=claim.id)
    by_rules = screen(particulars, file, claim.received, history)

    async def rules_alone(question: Question[FraudScreen]) -> FraudScreen:
        return by_rules

    facts = {
        "claim": claim.text,
        "particulars": particulars.model_dump(mode="json"),
        "papers": [{"name": one.name, "text": one.text[:_SHOWN]} for one in file.documents],
        "signals": [one.model_dump(mode="json") for one in by_rules.signals],
    }
    return _no_less(by_rules, await ctx.ask(FraudScreen, SCREEN, facts=facts, answerer=rules_alone))


async def fraud_by_rules(claim: Claim, file: ClaimFile, particulars: Particulars) -> FraudScreen:
    """Judge by the papers alone, where neither model nor tables could be asked; a person will look."""
    return screen(particulars, file, claim.received, None)


async def decide(
    claim: Claim,
    file: ClaimFile,
    particulars: Particulars,
    missing: Missing,
    policy: Policy,
    fraud: FraudScreen,
) -> Settlement:
    """Propose the settlement by the rules of the policy; money is never decided by a model."""
    return settle_by_rule(claim, file, particulars, missing, policy, fraud)


def needs_person(settlement: Settlement) -> str | None:
    """Why a person must decide: a question is open, or more is paid than one desk may pay alone."""
    first, _ = limits_of(settlement.currency)
    reasons = [settlement.question] if settlement.question else []
    if Decimal(settlement.amount) > first:
        money = f"{settlement.amount} {settlement.currency}"
        reasons.append(f"{money} is over {first}, the most that is paid without a person.")
    return " ".join(reasons) or None


def people_needed(settlement: Settlement | None) -> int:
    """Two different people above the second limit, one below it."""
    return 2 if settlement and Decimal(settlement.amount) > limits_of(settlement.currency)[1] else 1


def money_at_stake(settlement: Settlement) -> float:
    """The amount that a decision is about, for roles that are bounded by one."""
    return float(Decimal(settlement.amount))


async def settle(
    claim: Claim,
    settlement: Settlement,
    particulars: Particulars,
    policy: Policy | None,
    ctx: StepContext,
) -> Payment:
    """Book the payment, once; where nothing is paid, say so."""
    if settlement.outcome == "decline" or Decimal(settlement.amount) == 0:
        return Payment(paid=False, currency=settlement.currency)
    held = policy if policy and policy.found else None
    payee = (held.beneficiary or held.holder) if held else particulars.claimant
    row = {
        "id": f"PAY-{ctx.case_id}",
        "case_id": ctx.case_id,
        "claim": claim.id,
        "policy": particulars.policy_number,
        "peril": particulars.peril,
        "loss_date": particulars.loss_date.isoformat() if particulars.loss_date else None,
        "payee": payee or claim.claimant or "unknown",
        "amount": settlement.amount,
        "currency": settlement.currency,
    }
    await ctx.rows("payment_of", case_id=ctx.case_id)  # the tables are there, whatever was read before

    async def book(connection: Any) -> str:
        cursor = await connection.execute(_BOOKS["book_payment"], row)
        return str((await cursor.fetchone())["id"])

    payment_id = await ctx.effect("payment", book, args=row)
    return Payment(paid=True, payment_id=payment_id, amount=settlement.amount, currency=settlement.currency)


async def notify(
    claim: Claim,
    settlement: Settlement | None,
    payment: Payment | None,
    settlement_decision: SettlementDecision | None,
    ctx: StepContext,
) -> Notice:
    """Tell the claimant what was decided and why: in a model's words if they say just that."""
    plain = notice_letter(claim, settlement, payment, settlement_decision)

    async def by_template(question: Question[Letter]) -> Letter:
        return Letter(text=plain)

    letter = await ctx.ask(Letter, WRITE, facts={"decision": plain}, answerer=by_template)
    if letter.text != plain and not says_what_was_decided(letter.text, payment):
        ctx.note(letter="the model's words named another amount; the template went out")
        letter = Letter(text=plain)
    return _sent(claim, letter.text, ctx)


async def notify_plainly(
    claim: Claim,
    settlement: Settlement | None,
    payment: Payment | None,
    settlement_decision: SettlementDecision | None,
    ctx: StepContext,
) -> Notice:
    """Tell the claimant by our template, where the letter could not be written."""
    return _sent(claim, notice_letter(claim, settlement, payment, settlement_decision), ctx)


async def _looked_up(ctx: StepContext, query: str, **params: object) -> list[dict[str, Any]]:
    """Rows of our tables; a query that fails is this step's failure, so that its rung is taken.

    A database that cannot be reached at all is not: then the claim stands where it stands.
    """
    try:
        return await ctx.rows(query, **params)
    except StoreUnavailable:
        raise
    except StoreError as error:
        raise StepFailed("our tables could not be read", where=ctx.step, came=error.came) from error


def _sent(claim: Claim, text: str, ctx: StepContext) -> Notice:
    row = {"kind": "notice", "claim": claim.id, "to": claim.claimant, "text": text}
    return Notice(outbox_key=ctx.outbox("notice", row))


def _standing_in(read: Particulars, claim: Claim, file: ClaimFile) -> Particulars:
    """Keep a model to the papers: a policy number or an amount that stands in none of them is doubted."""
    text = "\n".join([claim.text, *(document.text for document in file.documents)])
    doubts = []
    if read.policy_number and read.policy_number.upper() not in text.upper():
        doubts.append(f"the policy number {read.policy_number} stands in no paper")
    if read.amount and Decimal(read.amount) not in {one.amount for one in sums_in(text, named=False)}:
        doubts.append(f"the amount {read.amount} stands in no paper")
    if not doubts:
        return read
    told = (*doubts, *read.doubts)[:12]
    return read.model_copy(update={"doubts": told, "confidence": min(_DOUBTED, read.confidence)})


def _no_less(by_rules: FraudScreen, judged: FraudScreen) -> FraudScreen:
    """A model may add suspicion; what the rules saw it cannot take away."""
    known = {one.code for one in by_rules.signals}
    added: Iterable[Signal] = (one for one in judged.signals if one.code not in known)
    return FraudScreen(
        score=max(score_of(by_rules.signals), judged.score),
        signals=(*by_rules.signals, *added)[:20],
        complete=by_rules.complete,
    )


def _says_the_copy(file: ClaimFile) -> str:
    """What a copy of the policy says of itself, for the person who has to judge without ours."""
    wanted = ("policy number", "status", "effective date", "policy lapsed", "face amount")
    for document in file.documents:
        if document.kind == "policy_document":
            said = [f"{label}: {value}" for label, value in labelled_lines(document.text) if label in wanted]
            return f"The copy that came with the claim says: {'; '.join(said)}."
    return "No copy of it came with the claim."
