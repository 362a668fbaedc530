"""The tables `[steps.<name>]` of the settings, held against the steps that there are.

A slip in a step's name, or a key that its kind of job has no argument for, would otherwise change
nothing and say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches

from ratchet.authoring import Pipeline
from ratchet.definition import document
from ratchet.pipelines.registry import CompiledPipeline
from ratchet.settings.schema import Settings, SettingsError

Taken = dict[str, frozenset[str]]


def check(
    settings: Settings,
    compiled: Iterable[CompiledPipeline],
    *,
    others: Callable[[], Iterable[CompiledPipeline]] = tuple,
) -> None:
    """Refuses a table that no step of the model takes, or a key in it.

    Args:
        compiled: pipelines of the model that are compiled anyway.
        others: compiles the rest; it is called only if they may be what a table is for.

    Raises:
        SettingsError: with the file, the key and the nearest name.
    """
    taken = _taken(compiled, {})
    if any(_problems(settings, taken)):
        taken = _taken(others(), taken)
    for message in _problems(settings, taken):
        raise SettingsError(message)


def _taken(compiled: Iterable[CompiledPipeline], before: Taken) -> Taken:
    """The keys of settings that steps take, by the steps' names: two pipelines may share one."""
    taken = dict(before)
    for pipeline in compiled:
        if isinstance(pipeline, Pipeline):
            keys_of_steps = pipeline.step_settings
        else:  # its steps are as the SDK wrote them
            steps = document.read(pipeline.definition()).steps
            keys_of_steps = {step.name: frozenset() for step in steps}
        for name, keys in keys_of_steps.items():
            taken[name] = taken.get(name, frozenset()) | keys
    return taken


def _problems(settings: Settings, taken: Taken) -> Iterator[str]:
    takers = [name for name, keys in taken.items() if keys]
    for name, step in settings.steps.items():
        table = f"steps.{name}"
        if name not in taken:
            near = get_close_matches(name, takers, n=1, cutoff=0.5)
            hint = f"did you mean [steps.{near[0]}]?" if near else f"there are: {_listed(takers)}"
            yield (
                f"{settings.origin(table)}: [{table}]: no pipeline of {settings.model_name} has "
                f"such a step; {hint}"
            )
        elif not taken[name]:
            yield (
                f"{settings.origin(table)}: [{table}]: this step takes no settings: it runs no "
                f"job, or its own definition says all of it; those that do: {_listed(takers)}"
            )
        else:
            for key in sorted(step.said - taken[name]):
                yield (
                    f"{settings.origin(f'{table}.{key}')}: {table}.{key}: this step's job has no "
                    f"such choice{_WHY.get(key, '')}; it has: {_listed(taken[name])}"
                )


_WHY = {
    "image_uri": ", or its code names the image",
    **dict.fromkeys(("spot", "max_wait_seconds", "keep_alive_seconds"), ", which trainings have"),
}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
