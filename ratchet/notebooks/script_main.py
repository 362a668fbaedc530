"""The `main` of a step's script: its arguments, and how each object is read and written."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ratchet.notebooks.layout import MODEL_FOLDER, ScriptLayout, StoredValue
from ratchet.notebooks.plan import PromotionPlan

_READS = {
    "json": "{json}.loads(({path}).read_text())",
    "parquet": "{pandas}.read_parquet({path})",
    # Parquet gives back None for a missing text; the notebook had NaN.
    "parquet with NaN": '{pandas}.read_parquet({path}).fillna(float("nan"))',
    "series": "{pandas}.read_parquet({path}).iloc[:, 0]",
    "npy": "{numpy}.load({path})",
    "numpy scalar": "{numpy}.load({path})[()]",
    "npz": "{sparse}.load_npz({path})",
    "pickle": "{pickle}.loads(({path}).read_bytes())",
}
_WRITES = {
    "json": "({path}).write_text({json}.dumps({name}))",
    "parquet": "{name}.to_parquet({path})",
    "parquet with NaN": "{name}.to_parquet({path})",
    "series": "{name}.to_frame().to_parquet({path})",
    "npy": "{numpy}.save({path}, {name}, allow_pickle=False)",
    "numpy scalar": "{numpy}.save({path}, {name}, allow_pickle=False)",
    "npz": "{sparse}.save_npz({path}, {name})",
    "pickle": "({path}).write_bytes({pickle}.dumps({name}))",
}
_MODULES = {
    "json": ("json", "json", "import json"),
    "pandas": ("pandas", "pd", "import pandas as pd"),
    "numpy": ("numpy", "np", "import numpy as np"),
    "sparse": ("scipy.sparse", "sparse", "from scipy import sparse"),
    "pickle": ("pickle", "pickle", "import pickle"),
}


class Modules:
    """The modules that `main` needs, under names that the step does not use otherwise.

    Attributes:
        lines: the import lines.
    """

    def __init__(self, plan: PromotionPlan, layout: ScriptLayout) -> None:
        self._taken = _names_of_the_script(plan)
        self._imported = {
            line: name for name, imported in plan.needs.imports.items() for line in imported.lines
        }
        self.lines = ["import argparse", "from pathlib import Path"]
        if layout.is_training or layout.reads or layout.writes:
            self.lines.append("import os")
        self.names: dict[str, str] = {}

    def name(self, module: str) -> str:
        """The name by which `main` calls a module; the module is imported."""
        if module not in self.names:
            full, short, line = _MODULES[module]
            if short in self._taken and self._imported.get(line) != short:
                line = f"import {full}"
                short = full
            self.lines.append(line)
            self.names[module] = short
        return self.names[module]

    def formatted(self, template: str, **values: str) -> str:
        modules = {name: self.name(name) for name in _MODULES if f"{{{name}}}" in template}
        return template.format(**modules, **values)


def _names_of_the_script(plan: PromotionPlan) -> set[str]:
    statements = (*plan.own, *plan.needs.definitions)
    nodes = [node for statement in statements for node in ast.walk(statement.node)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | set(plan.whole.writes) | set(plan.needs.inputs)


def main_text(plan: PromotionPlan, layout: ScriptLayout, modules: Modules) -> str:
    """The function `main`."""
    return "\n".join(_main(plan, layout, modules))


def _main(plan: PromotionPlan, layout: ScriptLayout, modules: Modules) -> Iterator[str]:
    yield "def main():"
    yield f'    parser = argparse.ArgumentParser(description="The step {plan.step}.")'
    for argument in layout.input_arguments:
        default = f'"/opt/ml/processing/input/{argument}"'
        if layout.is_training:
            default = f'os.environ.get("SM_CHANNEL_{argument.upper()}")'
        yield f'    parser.add_argument("--{argument}", type=Path, default={default})'
    for argument in layout.output_arguments:
        default = f'"/opt/ml/processing/output/{argument}"'
        if argument == MODEL_FOLDER and layout.is_training:
            default = 'os.environ.get("SM_MODEL_DIR")'
        yield f'    parser.add_argument("--{argument}", type=Path, default={default})'
    for name, value in layout.parameters.items():
        how = f"{_parser_of(value, modules)}, default={ast.unparse(value)}"
        yield f"    parser.add_argument({_option(name)}, {how})"
    yield "    args = parser.parse_args()"
    yield from _call(layout, modules)
    for argument in layout.output_arguments:
        if layout.writes is None or argument != layout.writes.argument:
            yield f"    args.{argument}.mkdir(parents=True, exist_ok=True)"
    for out in layout.outputs:
        yield f"    {modules.formatted(_WRITES[out.form], path=_path(out), name=out.name)}"


def _call(layout: ScriptLayout, modules: Modules) -> Iterator[str]:
    if layout.writes:
        folders = {name.rpartition("/")[0] for name in layout.writes.names}
        for folder in sorted(folders):
            place = (
                f'(args.{layout.writes.argument} / "{folder}")'
                if folder
                else f"args.{layout.writes.argument}"
            )
            yield f"    {place}.mkdir(parents=True, exist_ok=True)"
    names = ", ".join(value.name for value in layout.outputs)
    arguments = [f"args.{folder.argument}" for folder in (layout.reads, layout.writes) if folder]
    arguments += [modules.formatted(_READS[v.form], path=_path(v)) for v in layout.inputs]
    arguments += [f"{name}=args.{name}" for name in layout.parameters]
    call = f"{layout.function}({', '.join(arguments)})"
    if len(call) + len(names) > 88:
        inner = "".join(f"        {argument},\n" for argument in arguments)
        call = f"{layout.function}(\n{inner}    )"
    yield f"    {names} = {call}" if names else f"    {call}"


def _path(value: StoredValue) -> str:
    return f'args.{value.argument} / "{value.file}"'


def _option(name: str) -> str:
    """SageMaker passes a hyperparameter of one letter with one dash (sagemaker-training)."""
    return f'"-{name}", "--{name}"' if len(name) == 1 else f'"--{name}"'


def _parser_of(value: ast.expr, modules: Modules) -> str:
    """What reads the text of an argument: other values than numbers and texts are JSON."""
    literal = ast.literal_eval(value)
    if type(literal) in (int, float, str):
        return f"type={type(literal).__name__}"
    return f"type={modules.name('json')}.loads"
