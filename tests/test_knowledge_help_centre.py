"""The desk's own help centre: everything customers ask has an article, and articles agree."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from langgraph_switchboard.knowledge import Article, MemoryKnowledge, articles_of, best_sentences
from langgraph_switchboard.knowledge.sentences import split_sentences

ARTICLES = articles_of("nodes.knowledge")


def intents(data_dir: Path) -> dict[str, str]:
    """Each of the 77 intents and its department."""
    desk = json.loads((data_dir / "banking77" / "desk_map.json").read_text(encoding="utf-8"))
    return {
        name: department for department in ("billing", "technical", "account") for name in desk[department]
    }


def messages(data_dir: Path) -> list[dict[str, str]]:
    lines = (data_dir / "banking77" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


async def shares(articles: tuple[Article, ...], asked: list[dict[str, str]]) -> tuple[float, float]:
    """How often the intent is among the topics of the first article, and of the first three."""
    topics = {article.id: article.topics for article in articles}
    knowledge = MemoryKnowledge(articles)
    first = three = 0
    for message in asked:
        hits = [
            message["intent"] in topics[hit.article_id] for hit in await knowledge.search(message["text"], 3)
        ]
        first += any(hits[:1])
        three += any(hits)
        await asyncio.sleep(0)
    return first / len(asked), three / len(asked)


@pytest.mark.data
def test_every_intent_has_an_article_of_its_department(data_dir: Path) -> None:
    """Each of the 77 is somebody's topic, and no article claims a topic that does not exist."""
    wanted = intents(data_dir)
    assert len(wanted) == 77
    served = {(topic, article.department) for article in ARTICLES for topic in article.topics}
    assert set(wanted.items()) <= served
    assert {topic for topic, _ in served} == set(wanted)


@pytest.mark.data
async def test_the_first_articles_fit_what_real_customers_ask(data_dir: Path) -> None:
    """On 3,080 messages that nobody here wrote: measured .607 at 1 and .781 at 3; chance is below .05."""
    asked = messages(data_dir)
    at_1, at_3 = await shares(ARTICLES, asked)
    print(f"\nhelp centre, {len(asked)} BANKING77 test messages: hit@1 {at_1:.3f}, hit@3 {at_3:.3f}")
    assert at_1 >= 0.57
    assert at_3 >= 0.74


@pytest.mark.data
async def test_the_figure_notices_articles_with_wrong_topics(data_dir: Path) -> None:
    """Negative control: with the topics moved one article on, hardly anything fits."""
    topics = [article.topics for article in ARTICLES]
    moved = [
        Article(one.id, one.title, one.text, told)
        for one, told in zip(ARTICLES, topics[1:] + topics[:1], strict=True)
    ]
    at_1, _ = await shares(tuple(moved), messages(data_dir)[::10])
    assert at_1 < 0.2


@pytest.mark.data
def test_no_sentence_is_copied_from_the_data(data_dir: Path) -> None:
    """The articles are our own words: none of their sentences is a customer's message."""
    asked = {message["text"].strip().lower() for message in messages(data_dir)}
    train = (data_dir / "banking77" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    asked |= {json.loads(line)["text"].strip().lower() for line in train}
    ours = {part.lower() for one in ARTICLES for part in [one.title, *split_sentences(one.text)]}
    assert {sentence for sentence in asked & ours if len(sentence.split()) > 3} == set()


def test_articles_have_the_length_and_the_name_that_the_house_wants() -> None:
    """80 articles or more, each 120 to 250 words, each in the file that its id names."""
    assert len(ARTICLES) >= 80
    for article in ARTICLES:
        assert 120 <= len(article.text.split()) <= 250, article.id
        assert article.department in ("account", "billing", "technical"), article.id
    assert {article.id for article in ARTICLES} == {
        file.stem for file in (Path(__file__).parent.parent / "nodes" / "knowledge").glob("*.md")
    }


FACTS = {
    # a sentence that tells this: the figures that it must tell
    r"express (delivery )?costs": r"12 pounds",
    r"standard delivery.* takes": r"5 to 8|8 to 12",
    r"replacement for a|new card for a lost|new one for a lost": r"5 pounds",
    r"plus plan .*pounds a month": r"6\.99 pounds",
    r"(weekend|saturday|friday 23).*\badd": r"1 %",
    r"(dispute|whole way).* takes up to": r"8 weeks",
    r"credit cards?\b.*\bcosts?\b.*%": r"1\.2 %",
    r"(from elsewhere|outside the UK and the EEA).*%": r"1\.8 %",
    r"emergency line,? \d": r"020 7946 0123",
    r"\b\d+ (fiat )?currencies": r"28",
    r"money .*back by the end": r"next working day",
}


def contradictions(articles: Sequence[Article], about: str, figure: str) -> list[str]:
    """Sentences that tell a fact with another figure than the fact sheet."""
    told = [text for one in articles for text in split_sentences(one.text) if re.search(about, text, re.I)]
    assert told, about
    return [text for text in told if not re.search(figure, text)]


@pytest.mark.parametrize(("about", "figure"), FACTS.items())
def test_articles_never_contradict_the_fact_sheet(about: str, figure: str) -> None:
    """Wherever a fact is told, it is told with its figure."""
    assert contradictions(ARTICLES, about, figure) == []


def test_a_contradiction_is_noticed() -> None:
    """Negative control: one article with another price."""
    wrong = Article("wrong", "Express", "Express delivery costs 15 pounds.")
    about, figure = next(iter(FACTS.items()))
    assert contradictions([*ARTICLES, wrong], about, figure) == [wrong.text]


QUESTIONS = [
    # asked, answered by the article, in the sentence with these words
    ("How much is express delivery of a card?", "card-delivery-estimate", "Express costs 12 pounds"),
    ("How long does standard delivery take to the US?", "card-delivery-estimate", "8 to 12 working days"),
    ("The ATM kept my card, what now?", "card-swallowed", "freeze the card"),
    ("Is there a fee for a SWIFT transfer that I receive?", "top-up-by-bank-transfer-fee", "4 pounds"),
    ("How old must I be to open an account?", "age-limit", "at least 18"),
    ("How long does a refund take until it shows up?", "refund-not-showing", "3 to 10 working days"),
    ("My top-up was rejected, why?", "top-up-failed", "means that the bank of your card said no"),
    ("Why isn't my balance reflecting a transfer I did?", "bank-transfer-not-showing", "only when the money"),
    ("Can I get my PIN by post?", "card-pin-where", "never send a PIN"),
    ("I entered the wrong PIN too often, how do I unblock it?", "pin-blocked", "To unblock your PIN"),
    ("What does it cost to change money into dollars on a weekend?", "exchange-fees", "1 % is added"),
    ("How many disposable cards can I use per day?", "disposable-card-limits", "maximum of 5 payments a day"),
    (
        "What documents do you need to check my identity?",
        "verify-identity-how",
        "a passport, a driving licence",
    ),
    ("Which countries do you support?", "country-support", "if you live in the UK"),
    ("I want to delete my account", "terminate-account", "You can close your account yourself"),
    ("When is a transfer from China going to arrive?", "transfer-timing", "3 to 5 working days"),
    ("Can I use American Express to top up?", "supported-top-up-cards", "American Express is not supported"),
    ("why did my withdrawal cost me a fee", "cash-withdrawal-charge", "2 % of the withdrawal"),
    ("is it possible to cancel a transfer that is pending?", "cancel-transfer", "A pending transfer can be"),
    ("What is the most I can top up in a day?", "top-up-limits", "at most 5,000 pounds"),
    ("My card payment is pending for two days", "pending-card-payment", "Most shops collect"),
    ("somebody stole my phone, how do I stop them getting in", "lost-or-stolen-phone", "larkpay.example"),
    ("how do I activate my card", "activate-card", "Open Cards, tap the picture"),
    ("Where do I find the verification code for top up", "verify-top-up-code", "4-digit code"),
    ("Can my friend top up my account with his card?", "top-up-by-card", "Nobody else may top up"),
    ("how much does a spare card cost", "spare-card", "costs 5 pounds"),
    ("The machine gave me only 20 instead of 100", "wrong-amount-of-cash", "only 20 came out"),
    ("I got charged twice at a restaurant", "transaction-charged-twice", "restaurant"),
    ("I don't recognise a payment, what should I do?", "card-payment-not-recognised", "freeze the card"),
    ("can I pay in a cheque", "top-up-cash-or-cheque", "To deposit a cheque"),
    ("what exchange rate do I get", "exchange-rate-how", "live interbank rate"),
    ("Contactless stopped working", "contactless-not-working", "Contactless must be woken up"),
    ("my name changed because I married", "edit-personal-details", "if you got married"),
    ("why do you want to know where my money is from", "source-of-funds", "where the money in your account"),
]


async def test_plain_questions_get_their_article_and_their_sentence() -> None:
    """What a reply without a model rests on. Measured on 34 questions: 28 find the article at once,
    and the telling sentence is among the best two of it 28 times, among three 31 times.
    """
    by_id = {article.id: article for article in ARTICLES}
    knowledge = MemoryKnowledge(ARTICLES)
    firsts = [(await knowledge.search(asked, 1))[0].article_id == name for asked, name, _ in QUESTIONS]
    told = [
        sum(
            any(words in one.text for one in best_sentences(by_id[name], asked, n))
            for asked, name, words in QUESTIONS
        )
        for n in (2, 3)
    ]
    print(f"\n{len(QUESTIONS)} plain questions: article first {sum(firsts)}, sentence among 2 and 3: {told}")
    assert sum(firsts) >= 25
    assert told[0] >= 26
    assert told[1] >= 29
