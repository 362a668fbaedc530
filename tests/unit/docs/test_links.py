"""A link in the documentation leads somewhere."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs.pages import PROJECT, Page, pages

_PAGES = pages()


@pytest.mark.parametrize("page", _PAGES, ids=[page.name for page in _PAGES])
def test_every_relative_link_leads_to_a_file_and_a_heading_of_it(page: Page) -> None:
    broken = []
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.path.parent / place).resolve() if place else page.path
        if not target.exists() or (anchor and anchor not in Page(target).anchors):
            broken.append(link)
    assert not broken


def test_every_guide_and_decision_can_be_reached_from_the_readme() -> None:
    reached: set[str] = set()
    following = [Page(PROJECT / "README.md")]
    while following:
        page = following.pop()
        if page.name in reached:
            continue
        reached.add(page.name)
        for link in page.links:
            target = (page.path.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file():
                following.append(Page(target))
    assert {page.name for page in pages() if page.name.startswith("docs/")} <= reached
