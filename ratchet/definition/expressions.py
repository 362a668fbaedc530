"""The functions of a definition, Get, Std:Join and Std:JsonGet, and the leaves between them.

Their JSON forms are those that the SageMaker SDK writes (`sagemaker/workflow/functions.py`).
`leaves` gives every place that holds a value: a text, a number, null, or the call of a function.
`calls` gives the calls alone, those inside of others too. A place is a chain of keys, which becomes
text only when a message needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

GET, JOIN, JSON_GET = "Get", "Std:Join", "Std:JsonGet"
FUNCTIONS = frozenset({GET, JOIN, JSON_GET})

Keys = tuple[str | int, ...]
"""A place: the keys and indexes that lead to it."""
Chain = tuple[Any, ...]
"""The same as `(chain above, key)`, and `()` at the root: it costs one tuple a level to build."""

_SCALARS = frozenset({str, int, float, bool, type(None)})

# CDK tokens: aws-cdk-lib, `core/lib/private/encoding.ts`.
_TOKEN = re.compile(r"[$#]\{Token\[")
_TOKEN_NUMBER = -1e288


class Leaf(NamedTuple):
    """A place that holds a value. To change it: `rewriting.rewritten`."""

    chain: Chain
    value: Any

    @property
    def keys(self) -> Keys:
        return keys_of(self.chain)

    @property
    def place(self) -> str:
        """`Arguments.ProcessingInputs[0].S3Input.S3Uri`."""
        return place_of(self.keys)

    @property
    def argument(self) -> str:
        """As a person says it: without the leading `Arguments.`."""
        return argument_of(self.keys)

    @property
    def name(self) -> str:
        """The argument's own name: `S3Uri`; that of a list's item with the list's: `Args[0]`."""
        keys = self.keys
        last = next((at for at in range(len(keys) - 1, -1, -1) if isinstance(keys[at], str)), 0)
        return place_of(keys[last:])


class Call(NamedTuple):
    """A call of a function. `leaf` is the place of the outermost call that it is a part of."""

    chain: Chain
    function: str
    operand: Any
    leaf: Chain

    @property
    def place(self) -> str:
        return place_of(keys_of(self.chain))

    @property
    def argument(self) -> str:
        """The argument that the call is a part of, as a person says it."""
        return argument_of(keys_of(self.leaf))


def keys_of(chain: Chain) -> Keys:
    keys = []
    while chain:
        chain, key = chain
        keys.append(key)
    return tuple(reversed(keys))


def chain_of(keys: Keys) -> Chain:
    chain: Chain = ()
    for key in keys:
        chain = (chain, key)
    return chain


def value_at(value: Any, keys: Keys) -> Any:
    """What stands at a place.

    Raises:
        LookupError: nothing does.
    """
    for key in keys:
        value = value[key]
    return value


def place_of(keys: Keys) -> str:
    """`Steps[3].Arguments.Tags[0].Value`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".")


def argument_of(keys: Keys) -> str:
    """A place in a step as a person says it: without the leading `Arguments.`."""
    return place_of(keys[1:] if keys[:1] == ("Arguments",) and len(keys) > 1 else keys)


def function_of(value: Any) -> str | None:
    """The name of the function that a JSON value is a call of, or None."""
    if isinstance(value, Mapping) and len(value) == 1:
        (key,) = value
        if key in FUNCTIONS:
            return str(key)
    return None


def is_token(value: Any) -> bool:
    """Whether CDK puts the real value in later, so that nothing can be said of it now.

    Strings and list items hold `${Token[…]}` or `#{Token[…]}`, numbers are below -1e288.
    """
    if isinstance(value, str):
        return _TOKEN.search(value) is not None
    return isinstance(value, float) and value < _TOKEN_NUMBER


def leaves(value: Any, chain: Chain = (), *, into_calls: bool = False) -> Iterator[Leaf]:
    """Every leaf at or below a value; `into_calls`: what calls hold, in place of the calls."""
    collected: list[Leaf] = []
    _collect_leaves(value, chain, into_calls, collected)
    return iter(collected)


def _collect_leaves(value: Any, chain: Chain, into_calls: bool, collected: list[Leaf]) -> None:
    # Tests of plain types first: they take a third of isinstance(value, Mapping).
    kind = type(value)
    if kind is str:
        collected.append(Leaf(chain, value))
    elif kind is not list and (kind is dict or isinstance(value, Mapping)):
        if not into_calls and len(value) == 1 and function_of(value) is not None:
            collected.append(Leaf(chain, value))
            return
        for key, item in value.items():
            _collect_leaves(item, (chain, key), into_calls, collected)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _collect_leaves(item, (chain, index), into_calls, collected)
    else:
        collected.append(Leaf(chain, value))


def calls(value: Any, chain: Chain = ()) -> tuple[Call, ...]:
    """Every call at or below a value, outermost first."""
    collected: list[Call] = []
    _collect_calls(value, chain, None, collected)
    return tuple(collected)


def _collect_calls(value: Any, chain: Chain, leaf: Chain | None, collected: list[Call]) -> None:
    kind = type(value)
    if kind is not list and (kind is dict or isinstance(value, Mapping)):
        if len(value) == 1:
            (key,) = value
            if key in FUNCTIONS:
                operand = value[key]
                leaf = chain if leaf is None else leaf
                collected.append(Call(chain, key, operand, leaf))
                if type(operand) is str:
                    return
        for key, item in value.items():
            if type(item) not in _SCALARS:
                _collect_calls(item, (chain, key), leaf, collected)
    elif kind is list or isinstance(value, tuple):
        for index, item in enumerate(value):
            if type(item) not in _SCALARS:
                _collect_calls(item, (chain, index), leaf, collected)
