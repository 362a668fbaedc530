"""The notebook after a promotion: one cell calls the script, where the step's first cell was.

Every other character of the file stays.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from ratchet.notebooks.layout import ScriptLayout
from ratchet.notebooks.plan import PromotionPlan
from ratchet.notebooks.raw_json import cell_spans
from ratchet.notebooks.step_names import IMPORTS

_HEAD = re.compile(r"\s*#\s*(%%|In\[)")
_TAGS_IN_HEAD = re.compile(r"\s*tags=\[[^\]]*\]")


def call_text(plan: PromotionPlan, layout: ScriptLayout, *, script: str, folder: str) -> str:
    """The code of the cell that calls the script.

    Args:
        script: its path in the project.
        folder: the script's folder, from the notebook's.
    """
    return "\n".join(_call_lines(plan, layout, script=script, folder=folder))


def _call_lines(
    plan: PromotionPlan, layout: ScriptLayout, *, script: str, folder: str
) -> Iterator[str]:
    module = PurePath(script).stem
    imported = [layout.function, *(n for s in plan.lifted for n in s.flow.writes)]
    yield f"# The step `{plan.step}` is a script: {script}"
    yield "import sys"
    for statement in plan.own:
        if isinstance(statement.node, IMPORTS) and set(statement.flow.writes) & set(plan.live):
            yield ast.unparse(statement.node)
    yield ""
    yield f"sys.path.append({json.dumps(folder, ensure_ascii=False)})"
    yield f"from {module} import {', '.join(imported)}"
    yield ""
    folders = [item.path for item in (layout.reads, layout.writes) if item]
    arguments = [json.dumps(path, ensure_ascii=False) for path in folders]
    arguments += [value.name for value in layout.inputs]
    arguments += [f"{name}={name}" for name in layout.parameters]
    names = ", ".join(value.name for value in layout.outputs)
    call = f"{layout.function}({', '.join(arguments)})"
    if len(names) + len(call) > 92:
        inner = "".join(f"    {argument},\n" for argument in arguments)
        call = f"{layout.function}(\n{inner})"
    if len(names) > 80:
        names = "(\n" + "".join(f"    {value.name},\n" for value in layout.outputs) + ")"
    yield f"{names} = {call}" if names else call


def relative_folder(notebook: Path, folder: Path) -> str:
    """The folder of scripts from the notebook's folder, with forward slashes."""
    return PurePath(os.path.relpath(folder, notebook.parent)).as_posix()


def replaced_notebook(plan: PromotionPlan, text: str, call: str) -> str:
    """The text of the notebook with the call in place of the step's cells."""
    if PurePath(plan.notebook.path).suffix == ".ipynb":
        return _replaced_json(plan, text, call)
    return _replaced_script(plan, text, call)


def _replaced_json(plan: PromotionPlan, text: str, call: str) -> str:
    spans = cell_spans(plan.notebook.path, text)
    indexes = [cell.index for cell in plan.step_cells]
    for index in reversed(indexes):
        start, end = spans[index]
        if index == indexes[0]:
            cell = _calling_cell(json.loads(text[start:end]), plan.step, call)
            text = text[:start] + _laid_out(cell, text, start) + text[end:]
        else:  # the cell with the comma in front of it: a cell of the step is before it
            text = text[: spans[index - 1][1]] + text[end:]
    return text


def _calling_cell(cell: Mapping[str, Any], step: str, call: str) -> dict[str, Any]:
    metadata = dict(cell.get("metadata", {}))
    others = [t for t in metadata.get("tags", []) if not str(t).startswith("step:")]
    metadata["tags"] = [*others, f"promoted:{step}"]
    source: str | list[str] = call
    if isinstance(cell.get("source"), list):
        source = call.splitlines(keepends=True)
    fresh = {"metadata": metadata, "source": source, "outputs": [], "execution_count": None}
    return {key: fresh.get(key, value) for key, value in {**cell, "metadata": metadata}.items()}


def _laid_out(cell: Mapping[str, Any], text: str, start: int) -> str:
    """The cell as JSON, indented as the cell that stands at the place."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if line.strip() or "\n" not in text:
        return json.dumps(cell, ensure_ascii=False)
    inner = re.match(r"\{\s*?\n([ \t]*)", text[start:])
    unit = inner[1][len(line) :] if inner and inner[1].startswith(line) else " "
    body = json.dumps(cell, ensure_ascii=False, indent=unit or " ")
    return body.replace("\n", f"\n{line}")


def _replaced_script(plan: PromotionPlan, text: str, call: str) -> str:
    """A script in the percent form: lines of the step's cells go, the first one's are the call."""
    lines = text.splitlines(keepends=True)
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    for cell in reversed(plan.step_cells):
        head = _head(lines, cell.first_line or 1)
        following = [c.first_line for c in plan.notebook.cells if c.index > cell.index]
        after = _head(lines, following[0] or 1) if following else len(lines)
        if cell is plan.step_cells[0]:
            body = [_head_of_call(lines[head], plan.step)]
            body += [line + end_of_line for line in call.split("\n")]
            body += [end_of_line] if following else []
            lines[head:after] = body
        else:
            del lines[head:after]
    return "".join(lines)


def _head(lines: list[str], first_line: int) -> int:
    """The place of a cell's line `# %%`, from the line on which its source begins."""
    place = first_line - 1
    while place > 0 and not _HEAD.match(lines[min(place, len(lines) - 1)]):
        place -= 1
    return place


def _head_of_call(line: str, step: str) -> str:
    end = line[len(line.rstrip("\r\n")) :] or "\n"
    head = _TAGS_IN_HEAD.sub("", line.rstrip()) if _HEAD.match(line) else "# %%"
    tags = [tag for tag in _tags(line) if not tag.startswith("step:")]
    return f"{head} tags={json.dumps([*tags, f'promoted:{step}'])}{end}"


def _tags(line: str) -> list[str]:
    listed = re.search(r"tags=(\[[^\]]*\])", line)
    return list(json.loads(listed[1])) if listed else []
