"""Example data that looks like a team's own: for tests, and to try `ratchet init` with.

    python -m ratchet.template.examples houses --to data

houses: what a house is sold for (regression). churn: whether a customer leaves (binary). wines: the
cultivar of a wine by its analysis (multiclass). Every month is a folder; a seed makes the same rows
each time. The data is made up.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

Drops = dict[str, pd.DataFrame]
"""Month, such as "2024-01" → its rows."""

_START = pd.Timestamp("2024-01-01")


def houses(*, months: int = 3, rows: int = 400, seed: int = 0) -> Drops:
    """Sales of houses; the label is `price`."""
    return {month: _houses(month, rows, rng) for month, rng in _months(months, seed)}


def churn(*, months: int = 3, rows: int = 400, seed: int = 0) -> Drops:
    """Customers of a phone company; the label is `churned`, yes or no."""
    return {month: _customers(month, rows, rng) for month, rng in _months(months, seed)}


def wines(*, months: int = 3, rows: int = 200, seed: int = 0) -> Drops:
    """Analyses of wines; the label is `cultivar`, of three."""
    return {month: _wines(rows, rng) for month, rng in _months(months, seed)}


EXAMPLES: Mapping[str, Callable[..., Drops]] = {"houses": houses, "churn": churn, "wines": wines}


def write(drops: Drops, folder: Path) -> None:
    """Writes each month to <folder>/<month>/rows.csv."""
    for month, rows in drops.items():
        (folder / month).mkdir(parents=True, exist_ok=True)
        rows.to_csv(folder / month / "rows.csv", index=False)


def _months(months: int, seed: int) -> list[tuple[str, np.random.Generator]]:
    starts = pd.date_range(_START, periods=months, freq="MS")
    return [(f"{start:%Y-%m}", np.random.default_rng([seed, i])) for i, start in enumerate(starts)]


def _houses(month: str, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    area = rng.gamma(9, 14, rows).round().clip(35, 400)
    districts = {"Harbour": 1.25, "Old Town": 1.4, "Northfield": 0.85, "Sankt Jürgen": 1.0}
    district = rng.choice(list(districts), rows, p=[0.2, 0.15, 0.4, 0.25])
    condition = rng.choice(["poor", "fair", "good", "new"], rows, p=[0.1, 0.35, 0.4, 0.15])
    worth = {"poor": 0.75, "fair": 0.92, "good": 1.05, "new": 1.25}
    built = rng.integers(1890, 2024, rows)
    garden = rng.random(rows) < 0.55
    price = 2_300 * area**0.95
    price *= pd.Series(district).map(districts) * pd.Series(condition).map(worth)
    price *= (1 + 0.08 * garden) * np.exp(rng.normal(0, 0.09, rows))
    sold = pd.Timestamp(f"{month}-01") + pd.to_timedelta(rng.integers(0, 28, rows), unit="D")
    table = pd.DataFrame(
        {
            "listing_id": [f"{month}-{i:05d}" for i in range(rows)],
            "sold_on": sold.strftime("%Y-%m-%d"),
            "district": district,
            "living area (m²)": area,
            "rooms": (area / 28 + rng.normal(0, 0.7, rows)).round().clip(1, 12),
            "built": built,
            "condition": condition,
            "garden": garden,
            "currency": "EUR",
            "price": price.round(-2).astype(int),
        }
    )
    table["built"] = table["built"].astype("Int64").mask(rng.random(rows) < 0.06)
    return table


def _customers(month: str, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    contract = rng.choice(["monthly", "one year", "two years"], rows, p=[0.55, 0.25, 0.2])
    tenure = np.minimum(rng.exponential(24, rows), 72).round()
    charge = rng.normal(62, 22, rows).clip(18, 130).round(2)
    calls = rng.poisson(1.3, rows)
    score = -2.6 + 1.5 * (contract == "monthly") - 0.035 * tenure
    score += 0.016 * (charge - 60) + 0.55 * calls
    leaves = rng.random(rows) < 1 / (1 + np.exp(-score))
    payment = pd.Series(rng.choice(["card", "invoice", "direct debit"], rows))
    return pd.DataFrame(
        {
            "customer_id": [f"C{month.replace('-', '')}{i:06d}" for i in range(rows)],
            "contract": contract,
            "tenure_months": tenure.astype(int),
            "monthly_charge": charge,
            "support_calls": calls,
            "payment": payment.mask(rng.random(rows) < 0.05),
            "paperless": rng.random(rows) < 0.6,
            "churned": np.where(leaves, "yes", "no"),
        }
    )


def _wines(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    cultivars = {
        "barolo": (13.7, 2.0, 17.0, 2.9, 1_100),
        "grignolino": (12.3, 1.9, 20.2, 2.1, 520),
        "barbera": (13.2, 3.3, 21.4, 0.9, 630),
    }
    spread = (0.5, 0.8, 3.0, 0.5, 170)
    names = ["alcohol", "malic acid", "alcalinity", "flavanoids", "proline"]
    cultivar = rng.choice(list(cultivars), rows, p=[0.33, 0.4, 0.27])
    values = np.array([rng.normal(cultivars[name], spread) for name in cultivar])
    table = pd.DataFrame(values.round(2).clip(0), columns=names)
    table["cellar"] = rng.choice(["A", "B", "C", "D"], rows)
    table["cultivar"] = cultivar
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="Write example data, a folder for each month.")
    parser.add_argument("example", choices=sorted(EXAMPLES))
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--months", type=int, default=3)
    args = parser.parse_args()
    write(EXAMPLES[args.example](months=args.months), args.to)


if __name__ == "__main__":
    main()
