"""Steps that run a processing job: a script, Spark, any container, the analyzer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

from ratchet.authoring import analysis, jobs, judgement, model_jobs
from ratchet.authoring.analysis import AnalysisJob, Traffic
from ratchet.authoring.bundle import Bundle
from ratchet.authoring.draft import Draft
from ratchet.authoring.handles import BaselineStep, ProcessingStep
from ratchet.authoring.options import AnalysisOptions, JobOptions
from ratchet.authoring.variables import Operand
from ratchet.settings import images
from ratchet.settings.schema import GateSettings

AnyProcessing = TypeVar("AnyProcessing", bound=ProcessingStep)


class ProcessingSteps(Draft):
    """Scripts, containers, baselines and comparisons."""

    def processing(
        self,
        name: str,
        script: str,
        *,
        inputs: Mapping[str, Operand | jobs.Input],
        outputs: Sequence[str],
        reports: Mapping[str, str] | None = None,
        arguments: Sequence[Operand] = (),
        include: Sequence[str] = (),
        image: str | None = None,
        **options: Unpack[JobOptions],
    ) -> ProcessingStep:
        """Runs a script.

        Args:
            inputs: name → URI (or `manifest(uri)`); the script gets each as `--<name> <folder>`.
            outputs: names; the script gets each as `--<name> <folder>`.
            reports: name → `<output>/<path>` of a JSON file, for `step.metric("path.in.it")`.
            arguments: what the script gets after its folders.
            include: files beside the script that it needs but does not import.
            options: see `JobOptions`.
        """
        self._refuse_shared_options(name, inputs, outputs, arguments)
        job = jobs.processing_job(
            self._job_settings(name, options),
            self._script(self._bundle(name, script, include=include), self._image(name, image)),
            inputs=inputs,
            outputs=self._output_uris(name, outputs),
            arguments=[*jobs.folder_arguments(inputs, outputs), *arguments],
        )
        return self._processing_step(name, job, reports, options)

    def spark(
        self,
        name: str,
        script: str,
        *,
        inputs: Mapping[str, Operand | jobs.Input],
        outputs: Sequence[str],
        reports: Mapping[str, str] | None = None,
        arguments: Sequence[Operand] = (),
        options: Sequence[str] = (),
        image: str | None = None,
        **job_options: Unpack[JobOptions],
    ) -> ProcessingStep:
        """Runs a PySpark script on `compute.instance_count` instances.

        Args:
            options: further options of spark-submit, such as `--conf`, `spark.sql.shuffle…`.
            image: SageMaker's Spark container of the region, unless given here or in the settings.

        The others are as for `processing`. Modules beside the script that it imports reach the
        executors too.
        """
        self._refuse_shared_options(name, inputs, outputs, arguments)
        bundle = self._bundle(name, script)
        aws = images.spark(self.ctx.settings.region)
        folders = jobs.folder_arguments(inputs, outputs)
        job = jobs.processing_job(
            self._job_settings(name, job_options),
            self._script(bundle, self._aws_image(name, image, aws, "Spark")),
            inputs=inputs,
            outputs=self._output_uris(name, outputs),
            arguments=[
                *self._shipped_modules(name, bundle),
                *options,
                bundle.entry,
                *folders,
                *arguments,
            ],
        )
        entry = {"AppSpecification": {"ContainerEntrypoint": jobs.SPARK_ENTRY}}
        return self._processing_step(name, jobs.overlaid(job, entry), reports, job_options)

    def container(
        self,
        name: str,
        image: str,
        *,
        entry: Sequence[Operand] = (),
        arguments: Sequence[Operand] = (),
        inputs: Mapping[str, Operand | jobs.Input] | None = None,
        outputs: Sequence[str] = (),
        reports: Mapping[str, str] | None = None,
        **options: Unpack[JobOptions],
    ) -> ProcessingStep:
        """Runs any container: input `n` is at /opt/ml/processing/input/n, what it writes to
        /opt/ml/processing/output/n becomes output `n`.

        Args:
            entry: the program and its first arguments; empty leaves it to the image.
            options: see `JobOptions`.
        """
        job = jobs.container_job(
            self._job_settings(name, options),
            image=image,
            entry=entry,
            inputs=(inputs or {}).items(),
            outputs=self._output_uris(name, outputs),
            arguments=arguments,
        )
        return self._processing_step(name, job, reports, options)

    def baseline(
        self,
        name: str,
        *,
        of: Operand | jobs.Input,
        exclude: Sequence[str] = (),
        answers: bool = False,
        threshold: Operand | None = None,
        **options: Unpack[AnalysisOptions],
    ) -> BaselineStep:
        """Describes data for later data to be compared with; give it to `register`.

        Args:
            of: URI of CSV files with a header.
            exclude: columns that requests will not carry.
            answers: the rows are the predictions of an evaluation, and the baseline is of how good
                they are: for the problem of `[model]` in the settings.
            threshold: of such a binary model, the probability from which on its answer is positive.
        """
        settings = self.ctx.settings
        if not answers:
            kind = "ModelDataQuality"
            analyzed = analysis.data_baseline(
                of=of, exclude=exclude, threshold=settings.monitor.comparison_threshold
            )
        else:
            kind = "ModelQuality"
            analyzed = analysis.quality_baseline(
                settings.model,
                of=of,
                threshold=threshold,
                minimum_rows=settings.monitor.minimum_rows,
            )
        return self._analysis(BaselineStep, name, analyzed, options, kind=kind)

    def comparison(
        self,
        name: str,
        *,
        of: Traffic,
        baseline: Operand,
        exclude: Sequence[str] = (),
        labels: Operand | jobs.Input | None = None,
        **options: Unpack[AnalysisOptions],
    ) -> ProcessingStep:
        """Compares captured traffic with a baseline; `step.metric("outcome")` says what came of it.

        Args:
            baseline: URI of the folder that a baseline step wrote.
            exclude: columns of requests to leave alone.
            labels: ground truth; the answers are then compared with it, and how good they are with
                the baseline of that.
        """
        rows = self.ctx.settings.monitor.minimum_rows
        if labels is None:
            analyzed = analysis.data_comparison(
                of, baseline=baseline, exclude=exclude, minimum_rows=rows
            )
        else:
            analyzed = analysis.quality_comparison(
                self.ctx.settings.model, of, baseline=baseline, labels=labels, minimum_rows=rows
            )
        return self._analysis(ProcessingStep, name, analyzed, options)

    def judgement(
        self,
        name: str,
        *,
        rows: Operand | jobs.Input,
        champion: Operand,
        candidate: model_jobs.Artifacts | None = None,
        arguments: Sequence[Operand] = (),
        **options: Unpack[JobOptions],
    ) -> ProcessingStep:
        """Scores models on the same rows, each through the code packed with it, as `[model]` of the
        settings has it: docs/guides/evaluation.md says what its report and its outputs `report`
        and `predictions` hold.

        Args:
            rows: URI of the eval slice.
            champion: URI of the model artifact that serves, of a folder with those of a chain of
                containers, or of one without any.
            candidate: URI of the new one's, or of each of a chain's, in their order; without it the
                champion is judged alone.
            arguments: further ones of `python -m ratchet.judging.evaluate`.
            options: see `JobOptions`.
        """
        own = judgement.own_metrics(self.ctx.source / self.ctx.steps)
        bundle = self._own_bundle(name, judgement.SCRIPT, beside=own)
        chain = [] if candidate is None else model_jobs.listed(candidate)
        if candidate is not None and not 1 <= len(chain) <= judgement.MOST_CONTAINERS:
            expected = (
                f"1 to {judgement.MOST_CONTAINERS} containers can be judged: a processing job has "
                "10 inputs, and three are its code, the champion and the rows"
            )
            self._refuse(name, "candidate", f"{len(chain)} artifacts", expected)
        inputs = {**judgement.candidate_inputs(chain), "champion": champion, "eval": rows}
        outputs = [judgement.REPORT, judgement.PREDICTIONS]
        settings = self.ctx.settings
        gate = settings.gate if candidate is not None else GateSettings()
        about = judgement.script_arguments(
            settings.model,
            own=Path(own.name) if own else None,
            needed=tuple(gate.limits),
            slices=gate.slices,
            slice_tolerance=settings.slice_max_regression,
        )
        job = jobs.processing_job(
            self._job_settings(name, options),
            self._script(bundle, self._image(name, None)),
            inputs=inputs,
            outputs=self._output_uris(name, outputs),
            arguments=[*judgement.folder_arguments(inputs, outputs), *arguments, *about],
        )
        return self._processing_step(name, job, judgement.REPORTS, options)

    # -- inside

    def _analysis(
        self,
        handle: type[AnyProcessing],
        name: str,
        analyzed: AnalysisJob,
        options: AnalysisOptions,
        **parts: Any,
    ) -> AnyProcessing:
        """A step that runs the analyzer."""
        bundle = self._own_bundle(name, analysis.SCRIPT)
        job = jobs.processing_job(
            self._job_settings(name, {}, instances=self.ctx.settings.monitor.compute),
            self._script(bundle, self._image(name, None)),
            inputs=analyzed.inputs,
            outputs=self._output_uris(name, [analyzed.output]),
            arguments=analyzed.arguments,
        )
        beside = {"PropertyFiles": jobs.property_files(analyzed.reports)}
        parts = {**parts, "beside": beside, "reports": analyzed.reports}
        return self._add_call(
            handle, "Processing", name, job, options, takes=AnalysisOptions, **parts
        )

    def _processing_step(
        self,
        name: str,
        job: Mapping[str, Any],
        reports: Mapping[str, str] | None,
        options: JobOptions,
    ) -> ProcessingStep:
        beside = {"PropertyFiles": jobs.property_files(reports)} if reports else {}
        return self._add_call(
            ProcessingStep, "Processing", name, job, options, beside=beside, reports=reports or {}
        )

    def _refuse_shared_options(
        self,
        name: str,
        inputs: Iterable[str],
        outputs: Iterable[str],
        arguments: Iterable[Operand],
    ) -> None:
        """A script gets each folder as an option of its own: of two that argparse puts into one
        variable, it loses the first."""
        taken: dict[str, str] = {}
        asked = [
            *(("inputs", key, f"--{key}") for key in inputs),
            # Two outputs of one name are refused where names are checked.
            *(("outputs", key, f"--{key}") for key in dict.fromkeys(outputs)),
            *(("arguments", each, each) for each in arguments if isinstance(each, str)),
        ]
        for argument, value, text in asked:
            option = text.partition("=")[0]
            variable = option.replace("-", "_")
            place = taken.get(variable)
            if place and option.startswith("--"):
                expected = f"the script gets {option} twice: {place} have it too"
                self._refuse(name, argument, value, expected, "give one of the two another name")
            elif argument != "arguments":  # a script may take an option of its own several times
                taken[variable] = argument

    def _shipped_modules(self, name: str, bundle: Bundle) -> list[str]:
        """Options of spark-submit that bring the executors what the script imports."""
        modules = [path for path in bundle.files if path != bundle.entry]
        for path in modules:
            if "/" in path:
                fix = "put the module beside the script"
                self._refuse(name, "script", path, "Spark ships modules, not packages", fix)
        return ["--py-files", ",".join(modules)] if modules else []
