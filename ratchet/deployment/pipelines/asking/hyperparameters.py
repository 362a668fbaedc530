"""The hyperparameters of a training, held against what its script takes: before a job is started
and fails by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ratchet.authoring import Bundle, Pipeline
from ratchet.authoring.variables import render, text
from ratchet.deployment.pipelines.asking import script_options
from ratchet.deployment.pipelines.asking.script_options import Option, ScriptOptions
from ratchet.pipelines.registry import CompiledPipeline
from ratchet.runner.step_types.training_toolkit import Configuration
from ratchet.settings.schema import Settings, SettingsError
from ratchet.settings.toml_reader import toml

_OF_THE_TOOLKIT = "sagemaker_"
_TYPES = {"int": (int, "a whole number"), "float": (float, "a number")}


def check(settings: Settings, compiled: Iterable[CompiledPipeline]) -> None:
    """Refuses hyperparameters that the script of a training does not take.

    A script without a parser of `argparse`, or one that this machine cannot import, is left alone.

    Raises:
        SettingsError: with every one of them: the file and key, the value, the nearest option.
    """
    problems = dict.fromkeys(
        problem for each in _trainings(settings, compiled) for problem in each.problems()
    )
    if problems:
        raise SettingsError("\n".join(problems))


def _trainings(settings: Settings, compiled: Iterable[CompiledPipeline]) -> Iterator[_Training]:
    for pipeline in compiled:
        if not isinstance(pipeline, Pipeline):
            continue
        for step in pipeline.steps:
            if step.type not in ("Training", "Tuning") or (
                step.name not in pipeline.bundles_of_steps
            ):
                continue
            arguments = render(step.arguments)
            job = arguments.get("TrainingJobDefinition", arguments)
            bundle = pipeline.bundles_of_steps[step.name]
            options = script_options.of_script(bundle, job, region=settings.region)
            if options is not None:
                yield _Training(
                    settings=settings,
                    place=f"pipeline {pipeline.kind!r}, step {step.name!r}",
                    bundle=bundle,
                    hyperparameters=_hyperparameters(arguments),
                    options=options,
                )


def _hyperparameters(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The script's own by name; None where only the run knows the value."""
    job = arguments.get("TrainingJobDefinition", arguments)
    literal = job.get("StaticHyperParameters") or job.get("HyperParameters") or {}
    ranges = arguments.get("HyperParameterTuningJobConfig", {}).get("ParameterRanges", {})
    searched = [each["Name"] for listed in ranges.values() for each in listed]
    every = {**dict.fromkeys(searched), **literal}
    return {
        name: value if isinstance(value, str) else None
        for name, value in every.items()
        if not name.startswith(_OF_THE_TOOLKIT)
    }


@dataclass(frozen=True, kw_only=True)
class _Training:
    settings: Settings
    place: str
    bundle: Bundle
    hyperparameters: Mapping[str, str | None]
    options: ScriptOptions

    def problems(self) -> Iterator[str]:
        given = set()
        for name, value in self.hyperparameters.items():
            flag, words = _words(name, value)
            option = self._option(flag)
            if option is not None:
                given.add(option.dest)
                if expected := _expected(option, words):
                    said = f"{self._said(name, value)}: {flag} of {self._script}"
                    yield f"{said} takes {expected}; it would get: {flag} {words}"
            elif not self.options.takes_any:
                yield f"{self._said(name, value)}: {self._script} takes no {flag}{self._near(name)}"
        for option in self.options.options:
            if option.required and option.dest not in given:
                yield self._missing(option)

    @property
    def _script(self) -> str:
        return self.bundle.entry

    def _option(self, flag: str) -> Option | None:
        """As argparse looks for it: by its name, or by the beginning of one name."""
        for option in self.options.options:
            if flag in option.names:
                return option
        begun = [
            option
            for option in self.options.options
            if flag.startswith("--") and any(name.startswith(flag) for name in option.names)
        ]
        return begun[0] if len(begun) == 1 else None

    def _said(self, name: str, value: str | None) -> str:
        """Where a hyperparameter is said, and its value."""
        settings, key = self.settings, f"hyperparameters.{name}"
        said = settings.hyperparameters.get(name)
        if value is not None and said is not None and text(said) == value:
            return f"{settings.origin(key)}: {key} = {toml(said)}"
        shown = "" if value is None else f" = {value!r}"
        return f"{self.place}: hyperparameters[{name!r}]{shown}"

    def _near(self, name: str) -> str:
        names = [flag.lstrip("-") for option in self.options.options for flag in option.names]
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        if near:
            return f"; did you mean {near[0]}?"
        return f"; it takes: {', '.join(names)}" if names else "; it takes none"

    def _missing(self, option: Option) -> str:
        if not option.names:
            return (
                f"{self.place}: {self._script} requires {option.dest!r} without a name, and "
                f"SageMaker passes --name value; declare it as --{option.dest}"
            )
        longest = max(option.names, key=len)
        key = f"hyperparameters.{longest.lstrip('-')}"
        return (
            f"{self.settings.origin('hyperparameters')}: {key} is missing: {self._script} requires "
            f"{longest}"
        )


def _words(name: str, value: str | None) -> tuple[str, str | None]:
    """The option and its value as the script gets them."""
    configuration = Configuration(
        hyperparameters={name: "" if value is None else value},
        channels={},
        instance_type="",
        host="",
        hosts=(),
    )
    flag, word = configuration.user_arguments()
    return flag, None if value is None else word


def _expected(option: Option, word: str | None) -> str:
    """What the parser wants instead of a value; "" where it takes it."""
    if option.values == 0:
        return "no value, and SageMaker passes one: declare it with a type"
    if isinstance(option.values, int) and option.values > 1:
        return f"{option.values} values, and SageMaker passes one"
    if word is None or option.type == "other":
        return ""
    value: object = word
    if option.type in _TYPES:
        convert, described = _TYPES[option.type]
        try:
            value = convert(word)
        except ValueError:
            return described
    if option.choices is not None and value not in option.choices:
        return f"one of {', '.join(map(str, option.choices))}"
    return ""
