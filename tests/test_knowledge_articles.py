"""Articles: what a file says is what is loaded, and what is wrong is told with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_switchboard.errors import ConfigurationError, InputRefused
from langgraph_switchboard.knowledge import Article, articles_of, best_sentences, load_articles, tokenise
from langgraph_switchboard.knowledge.sentences import split_sentences

WHOLE = (
    "id: fees\ntitle: What it costs\ntopics: a_fee, b_fee\ndepartment: billing\n\nIt is free.\n\nMostly.\n"
)


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_an_article_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Head and text; other files in the folder are left alone."""
    write(tmp_path, "fees.md", WHOLE)
    write(tmp_path, "notes.txt", "no article")
    (article,) = load_articles(tmp_path)
    assert article == Article(
        "fees", "What it costs", "It is free.\n\nMostly.", ("a_fee", "b_fee"), "billing"
    )


def test_windows_files_are_read_alike(tmp_path: Path) -> None:
    """A byte order mark and CRLF change nothing, not even the digest."""
    write(tmp_path, "a.md", WHOLE)
    (plain,) = load_articles(tmp_path)
    write(tmp_path, "a.md", b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    (windows,) = load_articles(tmp_path)
    assert windows.digest == plain.digest


def test_every_word_of_an_article_is_in_its_digest() -> None:
    """Any change makes another digest, so that it is loaded again."""
    base = Article("a", "b", "c", ("d",), "e")
    others = [
        Article("x", "b", "c", ("d",), "e"),
        Article("a", "x", "c", ("d",), "e"),
        Article("a", "b", "x", ("d",), "e"),
        Article("a", "b", "c", ("x",), "e"),
        Article("a", "b", "c", ("d",), "x"),
        Article("a", "b", "c", (), "e"),
    ]
    assert len({one.digest for one in [base, *others]}) == 7


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "empty"),
        (" \n\n", 1, "empty"),
        ("title: T\n\nText.", 1, "no id"),
        ("title: T\nid:\n\nText.", 2, "no id"),
        ("id: a\n\nText.", 1, "no title"),
        ("id: a b\ntitle: T\n\nText.", 1, "space"),
        ("id: a\ntitle: T\n", 2, "no text"),
        ("id: a\ntitle: T\n\n  \n", 2, "no text"),
        ("id: a\ntitle: T\ncolour: red\n\nText.", 3, "colour"),
        ("id: a\ntitle: T\nid: b\n\nText.", 3, "id: b"),
        ("id: a\nText without a head.\n", 2, "not understood"),
        ("id: a\ntitle: T\n\nTe\0xt.", 4, "NUL"),
        (b"id: a\ntitle: T\n\nCaf\xe9.", 4, "UTF-8"),
    ],
)
def test_a_broken_article_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, line: int, says: str
) -> None:
    """The message opens with file and line, and says what to do."""
    file = write(tmp_path, "broken.md", text)
    with pytest.raises(InputRefused) as caught:
        load_articles(tmp_path)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert says in str(caught.value)
    assert caught.value.mend
    assert caught.value.fields == {"file": str(file), "line": line}


def test_two_articles_with_one_id_are_refused(tmp_path: Path) -> None:
    """Both files are named."""
    one = write(tmp_path, "one.md", WHOLE)
    two = write(tmp_path, "two.md", WHOLE)
    with pytest.raises(InputRefused, match="'fees' is used twice") as caught:
        load_articles(tmp_path)
    assert str(caught.value).startswith(f"{two}:1")
    assert str(one) in str(caught.value)


def test_a_folder_without_articles_is_refused(tmp_path: Path) -> None:
    """An empty or missing folder is a mistake, not an empty help centre."""
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputRefused, match="no articles"):
            load_articles(folder)


@pytest.mark.parametrize("package", ["no_such_package", "nodes.no_such", "json.decoder", "..", ""])
def test_a_package_that_is_no_folder_is_refused(package: str) -> None:
    """The dotted name is shown."""
    with pytest.raises(ConfigurationError, match="no folder of articles"):
        articles_of(package)


def test_words_are_lower_case_unstemmed_and_without_stop_words() -> None:
    """What is counted is what was written, numbers included."""
    assert tokenise("Why was I charged \N{POUND SIGN}1,000.50 for the CARD's top-ups?") == [
        "charged",
        "1000.50",
        "card",
        "top",
        "ups",
    ]
    assert tokenise("I don't, I don\N{RIGHT SINGLE QUOTATION MARK}t!") == []
    assert tokenise("4-digit E10 ab_cd 3rd \N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}") == [
        "4",
        "digit",
        "e10",
        "ab",
        "cd",
        "3rd",
        "12",
    ]


def test_sentences_end_where_a_reader_stops() -> None:
    """Numbers, quoted labels and wrapped lines do not end a sentence; paragraphs and list items do."""
    text = (
        'It costs 6.99 pounds\na month. Tap "My card?" now. Really?\n\n1. Open it. Look.\n2. Close\n\n- last'
    )
    assert split_sentences(text) == [
        "It costs 6.99 pounds a month.",
        'Tap "My card?" now.',
        "Really?",
        "1. Open it.",
        "Look.",
        "2. Close",
        "- last",
    ]


def test_the_sentences_that_answer_are_given_in_reading_order() -> None:
    """They carry the article's id, so that a reply can cite it."""
    text = "Cards are sent daily. Express costs 12 pounds. We like post. Express takes 2 days."
    found = best_sentences(Article("delivery", "Delivery", text), "what does express cost, and the days", 2)
    assert [(one.article_id, one.place, one.text) for one in found] == [
        ("delivery", 1, "Express costs 12 pounds."),
        ("delivery", 3, "Express takes 2 days."),
    ]
    assert all(one.score > 0 for one in found)


def test_without_a_shared_word_the_opening_sentences_are_given() -> None:
    """An article says first what it is about; a score of 0 tells that nothing matched."""
    found = best_sentences(Article("a", "A", "First. Second. Third."), "zebra", 2)
    assert [(one.text, one.score) for one in found] == [("First.", 0.0), ("Second.", 0.0)]
    assert len(best_sentences(Article("a", "A", "First."), "zebra", 5)) == 1
    with pytest.raises(ConfigurationError, match="n=0"):
        best_sentences(Article("a", "A", "First."), "zebra", 0)
