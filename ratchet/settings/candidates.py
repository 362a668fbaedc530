"""What may leave for a foundation model in a trial, where to, and for how much."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from ratchet.settings.toml_reader import between, matching

PROMPT = "prompt.txt"
"""In the model's folder of `config/`, unless the settings name another file."""

ANY_REGION = "global"
"""In place of a region: any that AWS chooses, as a global profile does."""

_MOST_COLUMNS, _MOST_REGIONS = 200, 40

_Column = Annotated[
    str, matching(r"[^,\x00-\x1f]{1,100}", "the name of a column: at most 100 characters, no comma")
]
_Columns = Annotated[
    tuple[_Column, ...],
    lambda names: (
        None
        if len(set(names)) == len(names) <= _MOST_COLUMNS
        else f"at most {_MOST_COLUMNS} columns, each once"
    ),
]
_Region = Annotated[
    str,
    matching(
        rf"[a-z]{{2}}(-[a-z]+)+-\d|{ANY_REGION}", f'a region such as "us-east-1", or "{ANY_REGION}"'
    ),
]
_Regions = Annotated[
    tuple[_Region, ...],
    lambda names: (
        None
        if len(set(names)) == len(names) <= _MOST_REGIONS
        else f"at most {_MOST_REGIONS} regions, each once"
    ),
]


@dataclass(frozen=True, kw_only=True)
class CandidateSettings:
    """Of `ratchet candidates`: trials of foundation models on the eval slice's rows."""

    columns: _Columns = ()
    """The columns of the eval slice whose values a foundation model may see; none: there are no
    trials. Never the label."""
    regions: _Regions = ()
    """The regions that rows may go to. A cross-region profile is refused unless all of its regions
    are here; none: the environment's own region alone; "global": anywhere."""
    limit_usd: Annotated[float, between(0.01, 100_000)] = 1
    """A trial that would cost more does not start, and one that has cost so much stops."""
    rows: Annotated[int, between(1, 100_000)] = 200
    """How many rows of the eval slice a trial asks about."""
    prompt: Annotated[
        str,
        matching(
            r"|(?!/)(?!.*\.\.)[^\x00-\x1f]{1,200}", "a file below the project's folder, or nothing"
        ),
    ] = ""
    """The template of the prompts; "" = `config/<model>/prompt.txt`."""
    requests_per_minute: Annotated[int, between(1, 100_000)] = 120
    """How fast rows are asked about; AWS has a quota for each model in each account."""
    ttl_minutes: Annotated[int, between(5, 1440)] = 60
    """After this long an endpoint of a trial counts as forgotten: `ratchet candidates down
    --expired` deletes it."""

    @property
    def limit(self) -> Decimal:
        """US dollars."""
        return Decimal(str(self.limit_usd))

    @property
    def seconds_between_requests(self) -> float:
        return 60 / self.requests_per_minute

    def prompt_file(self, model: str) -> str:
        """As one types it in the project's folder."""
        return self.prompt or f"config/{model}/{PROMPT}"

    def allowed_regions(self, own: str) -> frozenset[str]:
        """`own`: the region of the environment."""
        return frozenset(self.regions or (own,))


def unknown_columns(candidates: CandidateSettings, columns: Iterable[str]) -> Iterator[str]:
    """What is wrong with `candidates.columns`, by the columns that the eval slice has."""
    columns = list(columns)
    for name in candidates.columns:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield (
                f'candidates.columns: "{name}" is no column of the eval slice, which has '
                f"{', '.join(columns)}{hint}"
            )
