"""The prices that functions calculate with, stored where their environment says."""

from __future__ import annotations

import os
from datetime import date

import aws_clients
from ratchet.costs.price_book import PriceBook


def open_book(today: date) -> PriceBook:
    """The prices of the function's region, stored in ARTIFACTS_BUCKET."""
    return PriceBook(
        s3=aws_clients.s3(),
        pricing=aws_clients.pricing(),
        bucket=os.environ["ARTIFACTS_BUCKET"],
        region=os.environ["AWS_REGION"],
        today=today,
    )
