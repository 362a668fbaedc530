"""Steps that run a notebook, in SageMaker's own form of a notebook job."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Unpack

from ratchet.authoring import jobs, notebook_file, notebook_jobs, step_keys
from ratchet.authoring.draft import Draft
from ratchet.authoring.errors import BundleError, Problem, did_you_mean
from ratchet.authoring.handles import NotebookStep
from ratchet.authoring.notebook_file import NotebookFile
from ratchet.authoring.options import JobOptions
from ratchet.authoring.variables import Operand, Parameter, Variable, text
from ratchet.settings import images


class NotebookSteps(Draft):
    """Notebooks."""

    def notebook(
        self,
        name: str,
        notebook: str,
        *,
        inputs: Mapping[str, Operand | jobs.Input] | None = None,
        parameters: Mapping[str, Operand] | None = None,
        include: Sequence[str] = (),
        kernel: str = notebook_file.KERNEL,
        image: str | None = None,
        **options: Unpack[JobOptions],
    ) -> NotebookStep:
        """Runs a notebook; `step.output` is the archive with the executed one.

        Args:
            inputs: name → URI (or `manifest(uri)`), in the folder /opt/ml/input/data/<name>. A
                parameter of that name is the folder, unless `parameters` says otherwise.
            parameters: name → value, of those that the notebook's cell tagged `parameters` sets.
                **Each arrives as a text**: SageMaker has no other hyperparameters. So the defaults
                in that cell are texts too, and the notebook makes numbers of them by itself.
            include: as for `processing`.
            kernel: its name in the image.
            image: SageMaker Distribution of the region, unless given here or in the settings.
            options: see `JobOptions`.
        """
        bundle = self._bundle(name, notebook, include=include, runs_notebooks=True)
        folders = {each: notebook_jobs.input_folder(each) for each in inputs or {}}
        values = self._notebook_parameters(name, notebook, parameters or {}, folders)
        aws = images.distribution(self.ctx.settings.region)
        settings = self._job_settings(name, options, takes=step_keys.OF_NOTEBOOK)
        if settings.compute.instance_count != 1:
            expected = "a notebook runs on one instance"
            self._refuse(name, "instance_count", settings.compute.instance_count, expected)
        job = notebook_jobs.notebook_job(
            settings,
            name=name,
            notebook=Path(notebook).name,
            code_uri=self.ctx.bundle_uri(bundle),
            has_init_script=notebook_jobs.INIT_FILE in bundle.files,
            kernel=kernel,
            image=self._aws_image(name, image, aws, "SageMaker Distribution"),
            region=self.ctx.settings.region,
            inputs=inputs or {},
            output_uri=self._run_uri(name),
            parameters=values,
        )
        return self._add_call(NotebookStep, "Training", name, job, options)

    # -- inside

    def _notebook_parameters(
        self,
        step: str,
        notebook: str,
        parameters: Mapping[str, Operand],
        folders: Mapping[str, str],
    ) -> dict[str, Operand]:
        """What the notebook is given, with the folders of its inputs where it has a parameter for
        them. Problems are collected, not raised."""
        try:
            file = notebook_file.load(self.ctx.source / notebook)
            defaults = file.defaults
        except BundleError:
            return {}  # said when the bundle was made
        for problem in _problems(step, file, parameters):
            self._problems.append(problem)
        chosen: dict[str, Operand] = {
            name: folder for name, folder in folders.items() if name in (defaults or {})
        }
        chosen |= parameters
        for name in chosen:
            if name in (defaults or {}):
                self._problems.extend(_problem_of_default(step, file, name))
        return {name: text(value) for name, value in chosen.items() if isinstance(value, Operand)}


def _problems(
    step: str, file: NotebookFile, parameters: Mapping[str, Operand]
) -> Iterator[Problem]:
    """What is wrong with the parameters of a step, as far as their notebook can say."""
    for name, value in parameters.items():
        argument = f"parameters[{name!r}]"
        if not name.isidentifier() or keyword.iskeyword(name):
            expected = "the notebook sets it as a variable, and this is no name of one"
            yield Problem(step=step, argument=argument, value=value, expected=expected)
        elif file.defaults is None:
            expected = f"{file.path.name} has no cell tagged `parameters` that sets its default"
            fix = "tag the cell with the defaults: in Jupyter, property inspector, Cell Tags"
            yield Problem(step=step, argument=argument, value=value, expected=expected, fix=fix)
        elif name not in file.defaults:
            expected = f"the cell tagged `parameters` of {file.path.name} does not set it"
            fix = did_you_mean(name, list(file.defaults))
            yield Problem(step=step, argument=argument, value=value, expected=expected, fix=fix)
        if problem := _not_a_text(value):
            fix = 'pass a text that the notebook reads, such as "yes" or JSON'
            yield Problem(step=step, argument=argument, value=value, expected=problem, fix=fix)


def _not_a_text(value: object) -> str:
    """Why a value does not survive as a text; "" when it does."""
    if isinstance(value, bool) or (isinstance(value, Parameter) and value.kind == "Boolean"):
        return 'a notebook gets texts, and the text "false" counts as true in Python'
    if isinstance(value, str | int | float | Variable):
        return ""
    return f"a notebook gets texts, and a {type(value).__name__} is none"


def _problem_of_default(step: str, file: NotebookFile, name: str) -> Iterator[Problem]:
    """A default of another type than text: the notebook would get what it was not written for."""
    assert file.defaults is not None
    try:
        default = ast.literal_eval(file.defaults[name])
    except (ValueError, TypeError, SyntaxError):
        return
    if default is None or isinstance(default, str):
        return
    yield Problem(
        step=step,
        argument=f"parameters[{name!r}]",
        value=default,
        expected=f"{file.path.name} sets this default, and a notebook job gets every parameter as "
        "a text",
        fix=f"write {name} = {str(default)!r} there, and {_converted(name, default)} in a cell "
        "below",
    )


def _converted(name: str, default: object) -> str:
    if isinstance(default, bool):
        return f'{name} = {name} == "True"'
    if isinstance(default, int | float):
        return f"{name} = {type(default).__name__}({name})"
    return f"{name} = json.loads({name})"
