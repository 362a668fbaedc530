"""`constructs/` is a source root: a module in it would shadow the package that the CDK imports."""

from __future__ import annotations

import constructs

from ratchet_cdk.permissions import narrow_role
from tests.projects import ROOT


def test_no_module_lies_directly_in_the_source_root() -> None:
    assert list((ROOT / "constructs").glob("*.py")) == []


def test_the_cdk_gets_its_own_constructs_package() -> None:
    assert constructs.__file__ is not None
    assert not constructs.__file__.startswith(str(ROOT / "constructs"))
    assert narrow_role.__name__ == "ratchet_cdk.permissions.narrow_role"
