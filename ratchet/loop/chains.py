"""Models of several containers in a row: what one answers is the request of the next.

Developer guide, "Inference pipelines in Amazon SageMaker AI".
"""

from __future__ import annotations

import re

LONGEST = 15
"""Containers of one model (CreateModel, `Containers`)."""

ALONE = "primary"
"""What SageMaker calls the container of a model that has no other."""

BETWEEN_CONTAINERS = "text/csv"
"""What the containers before the last are asked for, unless their environment says otherwise."""

_ARCHIVE = re.compile(r"([0-9]{2})-of-([0-9]{2})\.tar\.gz")


def container_name(position: int) -> str:
    """SageMaker's name for a container of several that has no host name; positions begin at 1."""
    return f"container-{position}"


def archive_name(position: int, *, of: int) -> str:
    """The file of a container's model in a folder that holds those of a whole chain.

    It says how many there are, so that a part of a chain is never taken for a model.
    """
    return f"{position:02}-of-{of:02}.tar.gz"


def is_whole(names: list[str]) -> bool:
    """Whether sorted file names are those of all models of one chain, in its order."""
    return bool(names) and names == [
        archive_name(position, of=len(names)) for position in range(1, len(names) + 1)
    ]


def is_of_a_chain(name: str) -> bool:
    return _ARCHIVE.fullmatch(name) is not None
