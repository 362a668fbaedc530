"""Values of a definition in a review comment: they end no code block and start no Markdown."""

from __future__ import annotations

import re

import pytest

from ratchet.review.cache_effects import Effect
from ratchet.review.markdown import code, fenced, prose, single_line
from ratchet.review.words import PipelineReview, ReviewLine, markdown_of, text_of

NASTY = (
    "1\n```\n\n# Approved by @everyone\n![](http://example.com/x)\n````diff\r\nmore\x1b[2J\u2028x"
)


def test_a_value_keeps_to_one_line() -> None:
    assert single_line("a\nb\r\tc\u2028d\x1be\x9b") == r"a\nb\r\tc\u2028d\x1be\x9b"
    assert single_line("é 模型 → ⟨x⟩") == "é 模型 → ⟨x⟩"


@pytest.mark.parametrize("text", ["plain", "```", "a ```` b", NASTY])
def test_a_block_is_closed_by_its_own_fence_alone(text: str) -> None:
    opening, *content, closing = fenced([text], "diff")
    assert opening == f"{closing}diff"
    assert set(closing) == {"`"}
    assert len(content) == 1
    assert all(len(run) < len(closing) for run in re.findall("`+", content[0]))


@pytest.mark.parametrize("text", ["prepare", "a`b", "`", "a``b|c", NASTY])
def test_a_code_span_holds_every_name(text: str) -> None:
    span = code(text)
    fence = re.match("`+", span)
    assert fence is not None
    inside = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inside)
    assert not re.search(r"(?<!\\)\|", span)
    assert "\n" not in span


def test_prose_becomes_no_link_picture_html_or_mention() -> None:
    assert prose("![a](http://x) <b> | @ops `c` #1 max_depth") == (
        r"\!\[a\](http://x) \<b\> \| @" + "\u200b" + r"ops \`c\` \#1 max\_depth"
    )


def test_a_nasty_value_stays_in_its_block_of_the_comment() -> None:
    report = PipelineReview(
        pipeline=NASTY,
        parameters=(ReviewLine(mark="+", subject=NASTY, text=NASTY),),
        steps=(ReviewLine(mark="~", subject="train", text=NASTY),),
        cache=(Effect(step=NASTY, reasons=(NASTY,)),),
        notes=(NASTY,),
    )
    comment = markdown_of(report)
    lines = comment.split("\n")
    fences = [line for line in lines if line.startswith("```")]
    assert fences == ["`````diff", "`````", "`````diff", "`````"]
    outside = re.sub(r"`````diff\n.*?\n`````\n", "", comment, flags=re.DOTALL)
    headings = [line for line in outside.split("\n") if line.startswith("#")]
    assert len(headings) == 1
    assert not re.search(r"(?<!\\)!\[", re.sub(r"(`+)[^`].*?[^`]\1(?!`)", "", outside))
    assert "@everyone" not in re.sub(r"(`+)[^`].*?[^`]\1(?!`)", "", outside)
    assert "\x1b" not in comment
    assert "\r" not in comment
    assert len(text_of(report).splitlines()) == 9
