"""The cascade: who decides, who is only heard, and when it is left to a person."""

import pytest

from langgraph_switchboard.errors import ConfigurationError, ModelError
from langgraph_switchboard.routing import Cascade, Judgement, Route, Rule

STOLEN = Rule(
    "stolen card",
    r"\bstolen\b",
    because="A stolen card is a security matter",
    label="account",
    topic="lost_or_stolen_card",
    flag="high_stakes",
)
THREAT = Rule("threat", lambda text: "lawyer" in text, because="Threats are read by a person", flag="legal")


class Says:
    """A classifier that says one thing of every text."""

    def __init__(self, *, confidence: float = 0.9, topic: float = 0.8, familiarity: float = 0.5) -> None:
        self.judgement = Judgement(
            label="billing",
            confidence=confidence,
            topic="exchange_rate",
            topic_confidence=topic,
            familiarity=familiarity,
        )

    def judge(self, text: str) -> Judgement:
        return self.judgement


async def test_the_first_rule_that_routes_wins_and_nobody_after_it_is_asked() -> None:
    """A rule is certain: it decides before anything learned, in the order of the list."""
    late = Rule("card", r"card", because="Cards are for account", label="technical")

    route = await Cascade([STOLEN, late], Says()).route("My card was STOLEN")

    assert (route.agent, route.topic, route.by) == ("account", "lost_or_stolen_card", "rule")
    assert [opinion.by for opinion in route.opinions] == ["rule"]
    assert "stolen card" in route.reason


async def test_a_flag_is_raised_whoever_decides() -> None:
    """Flags come from every rule that matches, also after the one that routed, and route nothing."""
    cascade = Cascade([STOLEN, THREAT], Says())

    both = await cascade.route("stolen! my lawyer will call")
    flagged = await cascade.route("my lawyer asks for the rate")

    assert both.flags == ("high_stakes", "legal")
    assert (flagged.by, flagged.flags) == ("classifier", ("legal",))


async def test_a_sure_classifier_decides_and_says_why() -> None:
    """At or above the threshold the classifier's label is taken, with a reason a reviewer can read."""
    route = await Cascade((), Says(confidence=0.7), threshold=0.7).route("what is the rate?")

    assert (route.agent, route.label, route.by, route.confidence) == ("billing", "billing", "classifier", 0.7)
    assert route.reason == "Reads like billing (0.70), most of all exchange_rate (0.80)."


async def test_an_unsure_classifier_leaves_it_to_a_person_with_its_guess() -> None:
    """Below the threshold no agent is named; the guess stays for the reviewer."""
    route = await Cascade((), Says(confidence=0.69), threshold=0.7).route("what?")

    assert (route.agent, route.by, route.label, route.confidence) == (None, "person", "billing", 0.69)
    assert [opinion.agent for opinion in route.opinions] == ["billing"]


async def test_a_confident_answer_to_an_unfamiliar_text_is_not_believed() -> None:
    """Out of scope: confidence counts for nothing where the text is unlike the training texts."""
    strange = Says(confidence=0.99, familiarity=0.01)

    guarded = await Cascade((), strange).route("sing me a song")
    unguarded = await Cascade((), strange, unfamiliar=0).route("sing me a song")

    assert guarded.agent is None and "unlike anything" in guarded.reason
    assert unguarded.agent == "billing"  # the control: without the guard it would have gone on


async def test_a_topic_has_its_own_agent_only_when_the_topic_is_sure() -> None:
    """A simple topic may go to a simple agent; a doubtful one goes to the agent of its label."""
    agents = {"exchange_rate": "faq", "billing": "billing_desk"}

    sure = await Cascade((), Says(topic=0.8), agents=agents).route("rate?")
    doubtful = await Cascade((), Says(topic=0.5), agents=agents).route("rate?")

    assert (sure.agent, sure.label) == ("faq", "billing")
    assert (doubtful.agent, doubtful.topic) == ("billing_desk", "exchange_rate")


async def test_a_hook_stands_in_the_list_of_rules() -> None:
    """A plain async function is a stage: a route decides, None passes on."""

    async def vip(text: str) -> Route | None:
        return Route(agent="concierge", confidence=1.0, by="rule", reason="A VIP.") if "VIP" in text else None

    cascade = Cascade([vip, STOLEN], Says())

    assert (await cascade.route("VIP card stolen")).agent == "concierge"
    assert (await cascade.route("card stolen")).agent == "account"


async def test_a_model_is_asked_last_and_a_failing_model_is_an_opinion() -> None:
    """The model's route stands if it is sure; its failure leads to a person, not to an error."""

    async def model(text: str) -> Route | None:
        if "broken" in text:
            raise ModelError("the model was not reached")
        sure = 0.9 if "clear" in text else 0.4
        return Route(agent="technical", label="technical", confidence=sure, by="model", reason="It says so.")

    cascade = Cascade((), Says(confidence=0.5), ask=model)
    clear, unsure, broken = [await cascade.route(text) for text in ("clear", "murky", "broken")]

    assert (clear.agent, clear.by) == ("technical", "model")
    assert [route.agent for route in (unsure, broken)] == [None, None]
    assert [opinion.by for opinion in broken.opinions] == ["classifier", "model"]
    assert "not reached" in broken.opinions[1].reason


async def test_with_nobody_to_ask_a_person_decides() -> None:
    """An empty cascade routes nothing and fails nowhere."""
    route = await Cascade().route("")

    assert (route.agent, route.by, route.confidence) == (None, "person", 0.0)


def test_a_rule_that_cannot_work_is_refused_when_it_is_written() -> None:
    """A broken expression, a rule without a purpose and a threshold of 7 are errors at once."""
    with pytest.raises(ConfigurationError, match=r"rule 'broken': the expression does not compile"):
        Rule("broken", "(", because="No", label="billing")
    with pytest.raises(ConfigurationError, match="this rule does nothing"):
        Rule("idle", "x", because="No", topic="exchange_rate")
    with pytest.raises(ConfigurationError, match="confidence is no share"):
        Rule("eager", "x", because="No", label="billing", confidence=1.1)
    with pytest.raises(ConfigurationError, match="threshold is no share"):
        Cascade(threshold=7)
