"""What must hold of the tree itself."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_constructs_is_a_source_root_and_never_a_package() -> None:
    """A module directly in it would shadow the PyPI package that aws_cdk imports."""
    assert not list((PROJECT / "constructs").glob("*.py"))


def test_the_pypi_constructs_package_is_the_one_that_is_imported() -> None:
    import constructs

    assert (PROJECT / "constructs") not in Path(str(constructs.__file__)).parents


def test_no_lock_file_names_the_host_of_a_package_registry() -> None:
    locks = [*PROJECT.glob("requirements*.lock"), PROJECT / "package-lock.json"]
    assert len(locks) == 4
    for lock in locks:
        text = lock.read_text()
        assert "http://" not in text, lock.name
        assert "https://" not in text, lock.name
