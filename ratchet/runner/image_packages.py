"""The packages of SageMaker's images, as far as scripts import them.

Sources: aws/sagemaker-xgboost-container, requirements.txt of docker/3.0-5;
aws/sagemaker-scikit-learn-container, requirements.txt. The versions are those a laptop can have:
the images' own Python is older than the one that Ratchet needs.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_TABLES = {
    "numpy": "numpy>=2.1,<3",
    "pandas": "pandas>=2.2.3,<3",
    "pyarrow": "pyarrow>=17",
    "scipy": "scipy>=1.15,<2",
    "sklearn": "scikit-learn>=1.5.2,<2",
    "joblib": "joblib>=1.4",
    "threadpoolctl": "threadpoolctl>=3.5",
    "dateutil": "python-dateutil",
    "requests": "requests",
    "yaml": "pyyaml",
    "psutil": "psutil",
    "boto3": "boto3",
    "botocore": "botocore",
}
_XGBOOST = {
    **_TABLES,
    "xgboost": "xgboost==3.0.5" if sys.platform == "darwin" else "xgboost-cpu==3.0.5",
    "matplotlib": "matplotlib>=3.10",
    "PIL": "pillow",
    "numba": "numba",
}
_IMAGES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("sagemaker-xgboost", _XGBOOST),
    ("sagemaker-scikit-learn", _TABLES),
)
_PARSING = threading.Lock()
"""CPython counts the depth of a tree for all threads together, and refuses its own where another's
comes between: "AST constructor recursion depth mismatch" (python/cpython#106905)."""
_PICKLES = frozenset({"joblib", "pickle", "cloudpickle", "dill"})
"""What is loaded by these imports packages that no script names."""
_PICKLED = ("sklearn", "xgboost", "scipy")


def of_image(uri: str) -> Mapping[str, str] | None:
    """Import name → requirement of an image's packages; None: nothing is known of the image."""
    repository = re.sub(r"[@:][^/]*$", "", uri).rpartition("/")[2]
    return next((packages for name, packages in _IMAGES if repository == name), None)


def missing_here(modules: Iterable[str], uri: str) -> list[str]:
    """The requirements of an image's packages that scripts import and this environment lacks.

    Args:
        modules: what the scripts import, by the first part of the name.
    """
    packages = of_image(uri) or {}
    wanted = set(modules)
    if wanted & _PICKLES:
        wanted.update(name for name in _PICKLED if name in packages)
    return sorted(packages[name] for name in wanted if name in packages and not _is_here(name))


def missing_in(uri: str, modules: Iterable[str], *, own: Iterable[str]) -> list[str]:
    """The modules that scripts import and neither Python, nor they, nor the image have; nothing
    where nothing is known of the image.

    Args:
        own: modules of the scripts' own.
    """
    packages = of_image(uri)
    if packages is None:
        return []
    there = {*sys.stdlib_module_names, *packages, *own}
    return sorted(set(modules) - there)


def imported(sources: Iterable[bytes]) -> Iterator[str]:
    """The first part of each module that scripts import by a statement that must not fail."""
    for source in sources:
        try:
            with _PARSING:
                tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue  # whoever runs it says so
        waiting: list[ast.AST] = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.partition(".")[0]
            children = ast.iter_child_nodes(node)
            waiting += [child for child in children if not isinstance(child, ast.expr)]


def in_folder(folder: Path) -> Iterator[bytes]:
    """The Python files below a folder."""
    for file in sorted(folder.rglob("*.py")):
        yield file.read_bytes()


def explained(words: str, uri: str) -> str:
    """The last words of a script, and what to do where they say that a module is missing."""
    match = re.search(r"No module named '([\w.]+)'", words)
    if match is None:
        return words
    name = match[1].partition(".")[0]
    packages = of_image(uri)
    if packages is None:
        advice = (
            f"the image may have it, this machine has not: pip install {name} here, or list it in "
            "a requirements file beside the script"
        )
    elif name in packages:
        advice = f"the image has it, this machine has not: pip install '{packages[name]}' here"
    else:
        advice = (
            "the image has no such package: list it in a requirements file beside the script, "
            "such as train.requirements.txt"
        )
    return f"{words}\n({name}: {advice}. The guide packages.md says more)"


def _is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
