"""What the pictures of a notebook are made of: HTML and SVG without a script, in the ink of
whatever page they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

GOOD, BAD, WARNING, SOFT = "#2f9e5b", "#d9534f", "#c98500", "#8a97a5"
"""Readable on light and on dark pages."""
_FONT = "font:13px/1.5 system-ui,sans-serif"


def block(*parts: str) -> str:
    """The whole picture."""
    return f'<div style="{_FONT};max-width:100%">{"".join(parts)}</div>'


def line(*parts: str) -> str:
    """Parts that are markup already, in one line."""
    return f'<div style="margin:2px 0">{" ".join(part for part in parts if part)}</div>'


def wide(picture: str) -> str:
    """A picture that scrolls sideways rather than become too small to read."""
    return f'<div style="overflow-x:auto">{picture}</div>'


def strong(text: str) -> str:
    return f"<b>{escape(text)}</b>"


def soft(text: str) -> str:
    return f'<span style="opacity:.75">{escape(text)}</span>'


def coloured(text: str, colour: str) -> str:
    """A word with a mark of a colour before it: the word itself is in the page's ink."""
    return f'<span style="color:{colour}" aria-hidden="true">●</span> <b>{escape(text)}</b>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names above their values, side by side; values are markup already."""
    cells = "".join(
        f'<div style="margin-right:24px"><div style="opacity:.75;font-size:11px">{escape(name)}'
        f'</div><div style="font-variant-numeric:tabular-nums">{value}</div></div>'
        for name, value in pairs
    )
    return f'<div style="display:flex;flex-wrap:wrap;margin:4px 0">{cells}</div>'


def rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; cells are markup already, the header is not."""
    cell = "text-align:left;padding:2px 16px 2px 0;border:0;background:none"
    head = "".join(
        f'<th style="{cell};opacity:.75;font-weight:400">{escape(name)}</th>' for name in header
    )
    body = "".join(
        '<tr style="background:none">'
        + "".join(f'<td style="{cell}">{content}</td>' for content in each)
        + "</tr>"
        for each in lines
    )
    return (
        '<table style="border-collapse:collapse;margin:4px 0;border:0;'
        'font-variant-numeric:tabular-nums">'
        f'<thead><tr style="background:none">{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def svg(width: float, height: float, *shapes: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img" style="vertical-align:middle">'
        f"<title>{escape(title)}</title>{''.join(shapes)}</svg>"
    )


def bar(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:g}" width="{max(width, 0):.1f}" height="{height:g}"'
        f' fill="{colour}" fill-opacity="{opacity:g}"/>'
    )


def upright(x: float, top: float, bottom: float, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="3 2"' if dashed else ""
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{bottom:g}" stroke="{colour}"'
        f' stroke-width="1.5"{dashes}/>'
    )


def note(x: float, y: float, text: str, *, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:g}" text-anchor="{anchor}" fill="currentColor"'
        f' fill-opacity=".8" font-size="11">{escape(text)}</text>'
    )
