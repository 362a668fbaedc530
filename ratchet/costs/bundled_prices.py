"""Prices of common instances for when the Price List does not answer (pure).

Each list below is what one public source had, on its day; what no source was found for is not
here, and such a price is unknown. Where there was a second source it had the same: us-east-1's
ml.t3.medium and ml.m5.xlarge for processing, ml.m5.xlarge and ml.t2.medium for hosting, and S3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ratchet.costs.rows import HOSTING, PROCESSING, STORED, TRAINING, TRANSFORM

S3_STANDARD = "S3 Standard"
"""In place of an instance type: a GB-month of its first tier, as STORED."""

_JOBS = (TRAINING, PROCESSING)
_ALL = (TRAINING, PROCESSING, TRANSFORM, HOSTING)


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """On demand, in US dollars for an hour, or for a GB-month."""

    amount: Decimal
    date: str
    """ISO date on which the source had it."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    date: str
    region: str
    prices: tuple[tuple[str, tuple[str, ...], str], ...]
    """Instance type, components, US dollars an hour."""


_SOURCES = (
    # AWS's price file of AmazonSageMaker for us-east-1, published 2026-09-24, by usage type, as
    # tabulated in public notes of 2026-09-25; S3's of 2026-09-18 likewise.
    _Source(
        date="2026-09-24",
        region="us-east-1",
        prices=(
            ("ml.t3.medium", (PROCESSING,), "0.05"),
            ("ml.m5.xlarge", _JOBS, "0.23"),
            ("ml.m5.4xlarge", _JOBS, "0.922"),
            ("ml.m6i.4xlarge", _JOBS, "0.922"),
            ("ml.r5.4xlarge", _JOBS, "1.21"),
            ("ml.r7i.2xlarge", _JOBS, "0.635"),
            ("ml.r7i.4xlarge", _JOBS, "1.2701"),
            ("ml.c6i.8xlarge", _JOBS, "1.632"),
            ("ml.g4dn.xlarge", _JOBS, "0.736"),
            ("ml.g5.xlarge", _JOBS, "1.408"),
            ("ml.g6.xlarge", (TRAINING,), "1.127"),
            ("ml.g6.xlarge", (PROCESSING,), "1.1267"),
        ),
    ),
    _Source(date="2026-09-18", region="us-east-1", prices=((S3_STANDARD, (STORED,), "0.023"),)),
    # The same notes, for ap-south-1.
    _Source(
        date="2026-09-24",
        region="ap-south-1",
        prices=(
            ("ml.t3.medium", (PROCESSING,), "0.054"),
            ("ml.m5.xlarge", _JOBS, "0.242"),
            ("ml.m5.4xlarge", _JOBS, "0.97"),
            ("ml.m6i.4xlarge", _JOBS, "0.97"),
            ("ml.r5.4xlarge", _JOBS, "1.248"),
            ("ml.r7i.2xlarge", _JOBS, "0.6552"),
            ("ml.r7i.4xlarge", _JOBS, "1.3104"),
            ("ml.c6i.8xlarge", _JOBS, "1.632"),
            ("ml.g4dn.xlarge", _JOBS, "0.811"),
            ("ml.g5.xlarge", (TRAINING,), "1.69"),
            ("ml.g5.xlarge", (PROCESSING,), "1.691"),
            ("ml.g6.xlarge", _JOBS, "1.353"),
        ),
    ),
    _Source(date="2026-09-18", region="ap-south-1", prices=((S3_STANDARD, (STORED,), "0.025"),)),
    # Answers of GetProducts by usage type that public repositories quote with their day.
    _Source(
        date="2026-09-28",
        region="us-east-1",
        prices=(("ml.m5.xlarge", (HOSTING,), "0.23"), ("ml.m5.2xlarge", (HOSTING,), "0.461")),
    ),
    _Source(
        date="2026-08-20", region="us-east-1", prices=(("ml.g5.2xlarge", (TRAINING,), "1.515"),)
    ),
    # AWS's price file of AmazonSageMaker for us-east-1, as a public training kit tabulates it for
    # training and hosting alike, without the day; independent repositories of 2026 have the same.
    _Source(
        date="2026-08-01",
        region="us-east-1",
        prices=(("ml.g5.2xlarge", (HOSTING,), "1.515"), ("ml.g5.12xlarge", (HOSTING,), "7.09")),
    ),
    _Source(date="2026-08-11", region="us-east-1", prices=(("ml.m5.large", (TRAINING,), "0.115"),)),
    _Source(
        date="2026-07-30",
        region="us-east-1",
        prices=(("ml.m5.large", (PROCESSING, HOSTING), "0.115"),),
    ),
    # The price list of eu-west-3 as a public cost study of that day quotes it.
    _Source(
        date="2026-10-04",
        region="eu-west-3",
        prices=(
            ("ml.g4dn.xlarge", (HOSTING, TRANSFORM), "0.861"),
            ("ml.g6.xlarge", (HOSTING,), "1.4302"),
        ),
    ),
    # AWS's bill of December 2023 for eu-west-1, in aws-samples/sagemaker-ssh-helper,
    # Sample_Costs.md.
    _Source(
        date="2023-12-31",
        region="eu-west-1",
        prices=(
            ("ml.m5.xlarge", _ALL, "0.257"),
            ("ml.g4dn.xlarge", (TRAINING,), "0.822"),
            ("ml.g4dn.xlarge", (HOSTING,), "0.821"),
            ("ml.g4dn.4xlarge", (HOSTING,), "1.678"),
            ("ml.g4dn.12xlarge", (HOSTING,), "5.453"),
            ("ml.g5.xlarge", (TRAINING,), "1.57"),
            ("ml.g5.12xlarge", (HOSTING,), "7.91"),
            ("ml.p3.2xlarge", (TRAINING,), "4.131"),
        ),
    ),
    # Amazon's benchmark of serverless against hosted endpoints, which compares with this price,
    # and independent public repositories of 2024 to 2026 that have the same.
    _Source(date="2024-12-31", region="us-east-1", prices=(("ml.t2.medium", (HOSTING,), "0.056"),)),
)


def _table() -> dict[str, dict[str, dict[str, Bundled]]]:
    table: dict[str, dict[str, dict[str, Bundled]]] = {}
    for source in _SOURCES:
        for name, components, amount in source.prices:
            of_type = table.setdefault(source.region, {}).setdefault(name, {})
            for component in components:
                of_type[component] = Bundled(amount=Decimal(amount), date=source.date)
    return table


PRICES: Mapping[str, Mapping[str, Mapping[str, Bundled]]] = _table()
"""Region → instance type or S3_STANDARD → component or STORED → price."""

DATE = max(source.date for source in _SOURCES)
"""Of the newest source."""


def price(region: str, component: str, name: str) -> Bundled | None:
    """None: the table does not have it."""
    return PRICES.get(region, {}).get(name, {}).get(component)
