"""The line of a pipeline that runs a promoted script as a step."""

from __future__ import annotations

import json

from ratchet.loop.names import DATA_PARAMETER
from ratchet.notebooks.layout import ScriptLayout
from ratchet.notebooks.plan import PromotionPlan


def pipeline_line(plan: PromotionPlan, layout: ScriptLayout, *, name: str) -> str:
    """`name = p.processing(…)`, or `p.training(…)` for a script that leaves one model.

    Each folder that the script reads comes from a script that an earlier cell of the notebook
    calls, if that gives a folder of this name; from the landed data, if it holds files; and else
    from a parameter of the run.

    Args:
        name: of the script, without a suffix.
    """
    sources = ", ".join(f'"{a}": {_source(plan, layout, a)}' for a in layout.input_arguments)
    parts = [f'"{plan.step}"', f'f"{{ctx.steps}}/{name}.py"']
    if layout.is_training:
        parts.append(f"channels={{{sources}}}")
        if layout.parameters:
            values = ", ".join(f'"{n}": {v}' for n, v in _parameters(layout).items())
            parts.append(f"hyperparameters={{{values}}}")
    else:
        outputs = ", ".join(f'"{argument}"' for argument in layout.output_arguments)
        parts += [f"inputs={{{sources}}}", f"outputs=[{outputs}]"]
        if layout.parameters:
            words = [w for n, v in _parameters(layout).items() for w in (f'"--{n}"', v)]
            parts.append(f"arguments=[{', '.join(words)}]")
    inner = "".join(f"    {part},\n" for part in parts)
    variable = plan.step.replace("-", "_")
    return f"{variable} = p.{'training' if layout.is_training else 'processing'}(\n{inner})"


def _source(plan: PromotionPlan, layout: ScriptLayout, argument: str) -> str:
    if layout.reads and argument == layout.reads.argument:
        return f'manifest(p.string("{DATA_PARAMETER}"))'
    for statement in plan.every:
        script = statement.cell.promoted
        if script and argument in statement.flow.writes:
            return f'{script.replace("-", "_")}.outputs["{argument}"]'
    words = "".join(word[:1].upper() + word[1:] for word in argument.split("_"))
    return f'p.string("{words}")'


def _parameters(layout: ScriptLayout) -> dict[str, str]:
    from ratchet.notebooks.replaying import argument_text

    return {n: json.dumps(argument_text(v)) for n, v in layout.parameters.items()}
