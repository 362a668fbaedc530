"""CloudFormation's own schemas, as cfn-lint brings them: read without importing it, which takes
seconds."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_REGION = "us-east-1"


@cache
def folder() -> Path:
    """Below it are ``providers/<region>.json`` and ``resources/<schema>.json``."""
    package = importlib.util.find_spec("cfnlint")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "data" / "schemas"


@cache
def resource_schema(kind: str) -> Mapping[str, Any]:
    """The schema of a resource type."""
    schema: Mapping[str, Any] = json.loads(
        (folder() / "resources" / f"{_schema_names()[kind]}.json").read_text()
    )
    return schema


@cache
def _schema_names() -> Mapping[str, str]:
    names: Mapping[str, str] = json.loads((folder() / f"providers/{_REGION}.json").read_text())
    return names
