"""Runs a script as far as its argument parser and writes down what that takes.

`python asked_script.py ANSWER SCRIPT`, in the folder of the script. It runs in the interpreter of
the script and imports nothing but the standard library. Nothing of the script runs after the parser
was asked, so nothing is trained. A script that asks no parser leaves no answer.
"""

import argparse
import json
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_MARK = "--asked-by-ratchet"
"""Stands on the command line, so that a parser which is given other words is known: its are not
those of the job."""

_NAMES: dict[Any, str] = {None: "str", str: "str", int: "int", float: "float"}


def main() -> None:
    answer, script = sys.argv[1:]
    sys.argv[:] = [script, _MARK]
    sys.path[0] = str(Path(script).resolve().parent)
    for name in ("parse_args", "parse_known_args", "parse_intermixed_args"):
        original = getattr(argparse.ArgumentParser, name)
        setattr(argparse.ArgumentParser, name, _asking(original, answer, takes_any="known" in name))
    runpy.run_path(script, run_name="__main__")


def _asking(original: Callable[..., Any], answer: str, *, takes_any: bool) -> Callable[..., Any]:
    def parse(parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        if _MARK not in words:
            return original(parser, args, namespace)
        text = json.dumps({"options": _options(parser), "takes_any": takes_any or _is_open(parser)})
        Path(answer).write_text(text, encoding="utf-8")
        os._exit(0)

    return parse


def _is_open(parser: argparse.ArgumentParser) -> bool:
    """What a parser with commands takes depends on the command."""
    return any(isinstance(action, argparse._SubParsersAction) for action in parser._actions)


def _options(parser: argparse.ArgumentParser) -> list[dict[str, Any]]:
    return [
        {
            "names": [*action.option_strings],
            "values": action.nargs if isinstance(action.nargs, int | str) else None,
            "type": _NAMES.get(action.type, "other"),
            "choices": _choices(action),
            "required": action.required,
            "dest": action.dest,
        }
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]


def _choices(action: argparse.Action) -> list[Any] | None:
    choices = list(action.choices)[:1000] if action.choices is not None else []
    plain = all(isinstance(choice, str | int | float) for choice in choices)
    return choices if choices and plain else None


if __name__ == "__main__":
    main()
