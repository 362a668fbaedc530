"""Definitions in templates: the same text as ever, in lines that a person can compare."""

from __future__ import annotations

import difflib
import json
from typing import Any

import aws_cdk as cdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet_cdk.pipelines.definition_body import definition_body, lines
from tests.infra.assembly import Assembly
from tests.infra.readable import text_of

pytestmark = pytest.mark.synth

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(document=documents)
def test_the_lines_of_a_text_are_the_text_when_joined(document: Any) -> None:
    for ensure_ascii in (True, False):
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=ensure_ascii)
        assert "".join(lines(text)) == text


def test_a_line_ends_after_a_bracket_or_a_comma_outside_of_strings() -> None:
    text = r'{"a":"x,{[\",","b":[{"c":1},{"d":[]}],"e":{}}'
    assert [*lines(text)] == [
        "{",
        r'"a":"x,{[\",",',
        '"b":[{',
        '"c":1},{',
        '"d":[]}],',
        '"e":{}}',
    ]


def test_references_stand_alone_and_whole_numbers_are_as_javascript_writes_them() -> None:
    stack = cdk.Stack(cdk.App(), "S")
    body = definition_body({"Role": f"arn:{cdk.Aws.ACCOUNT_ID}:role", "Max": 2.0, "Min": 0.5})
    assert stack.resolve(body) == {
        "Fn::Join": [
            "",
            ["{", '"Role":"arn:', {"Ref": "AWS::AccountId"}, ':role",', '"Max":2,', '"Min":0.5}'],
        ]
    }


@pytest.mark.parametrize("stack", ["Training", "Evaluation", "Serving"])
def test_a_changed_word_changes_the_one_line_that_it_stands_in(
    assembly: Assembly, stack: str
) -> None:
    body = assembly.only(f"prod/{stack}", "AWS::SageMaker::Pipeline")["PipelineDefinition"]
    parts = [text_of(part) for part in body["PipelineDefinitionBody"]["Fn::Join"][1]]
    # An argument of a script or the like may be longer than a line of code; none is a page.
    assert max(map(len, parts)) < 300
    edited = "".join(parts).replace('"ml.m5.', '"ml.m6i.', 1)
    after = [*lines(edited)]
    before = [*lines("".join(parts))]
    changed = [line for line in difflib.ndiff(before, after) if line.startswith(("- ", "+ "))]
    assert len(changed) == 2
