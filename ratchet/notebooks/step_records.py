"""What a run of a whole notebook says of each step that is marked in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.past_code import code_of
from ratchet.notebooks.run_records import RunRecord
from ratchet.notebooks.statements import statements_of, step_statements
from ratchet.notebooks.step_code import ModulesBeside


def records_of(
    notebook: Notebook,
    outputs: Mapping[int, Sequence[Mapping[str, Any]]],
    *,
    name: str,
    when: datetime,
    data: str,
    modules: ModulesBeside,
    failed: int | None,
) -> Iterator[RunRecord]:
    """A record for each step that ran to its end, or that failed. Of one that the run did not reach
    there is nothing to say.

    Args:
        outputs: the cells' outputs in nbformat's form, by their place in the file, from 0.
        name: of the notebook, in the project.
        when: the end of the run.
        data: a digest that names what the notebook read, or "".
        modules: what lies beside the notebook.
        failed: the place of the cell that failed, from 0; None when none did.
    """
    every = statements_of(notebook)
    for step in notebook.steps:
        places = [cell.index for cell in notebook.step_cells(step) if cell.kind == "code"]
        ok = failed is None or all(place < failed for place in places)
        if ok or failed in places:
            yield RunRecord(
                when=when,
                notebook=name,
                step=step,
                code=code_of(every, step_statements(every, step), modules).digest,
                data=data,
                output=_digest([outputs.get(place, ()) for place in places]) if ok else "",
                ok=ok,
            )


def _digest(outputs: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """Of what the cells show, without the counts of executions: 16 hexadecimal digits."""
    shown = [[[each.get("text"), each.get("data")] for each in cell] for cell in outputs]
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
