"""Steps that run a processing job: a script, Spark, any container, the analyzer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config import images
from config.settings import ComputeSettings
from pipeline_defs.authoring import analysis, jobs
from pipeline_defs.authoring.analysis import Analysis, Traffic
from pipeline_defs.authoring.bundle import Bundle
from pipeline_defs.authoring.draft import Draft
from pipeline_defs.authoring.handles import After, BaselineStep, ProcessingStep
from pipeline_defs.authoring.retries import PLATFORM_FAULTS, RetryPolicy
from pipeline_defs.authoring.variables import Operand


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
        environment: Mapping[str, Operand] | None = None,
        include: Sequence[str] = (),
        compute: ComputeSettings | None = None,
        image: str | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> ProcessingStep:
        """Runs a script.

        Args:
            inputs: name → URI (or `manifest(uri)`); the script gets each as `--<name> <folder>`.
            outputs: names; the script gets each as `--<name> <folder>`.
            reports: name → `<output>/<path>` of a JSON file, for `step.metric("path.in.it")`.
            arguments: what the script gets after its folders.
            include: files beside the script that it needs but does not import.
            compute: the settings' entry for the step's name, unless given.
            job: further CreateProcessingJob arguments, laid over the ones made here.
        """
        bundle = self._bundle(name, script, include=include)
        made = self._processing_job(
            name,
            bundle,
            inputs=inputs,
            outputs=outputs,
            arguments=[*jobs.folder_arguments(inputs, outputs), *arguments],
            environment=environment or {},
            compute=self._compute(name, compute),
            image=image,
        )
        return self._processing_step(name, made, reports, cache, retries, depends_on, job)

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
        environment: Mapping[str, Operand] | None = None,
        compute: ComputeSettings | None = None,
        image: str | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> ProcessingStep:
        """Runs a PySpark script on `compute.instance_count` instances.

        Args:
            options: further options of spark-submit, such as `--conf`, `spark.sql.shuffle…`.
            image: SageMaker's Spark container of the region, unless given.

        The others are as for `processing`. Modules beside the script that it imports reach the
        executors too.
        """
        bundle = self._bundle(name, script)
        modules = [path for path in bundle.files if path != bundle.entry]
        for path in modules:
            if "/" in path:
                fix = "put the module beside the script"
                self._refuse(name, "script", path, "Spark ships modules, not packages", fix)
        ship = ["--py-files", ",".join(modules)] if modules else []
        made = self._processing_job(
            name,
            bundle,
            inputs=inputs,
            outputs=outputs,
            arguments=[
                *ship,
                *options,
                bundle.entry,
                *jobs.folder_arguments(inputs, outputs),
                *arguments,
            ],
            environment=environment or {},
            compute=self._compute(name, compute),
            image=image or self._aws_image(name, images.spark(self.ctx.settings.region), "Spark"),
        )
        entry = {"AppSpecification": {"ContainerEntrypoint": jobs.SPARK_ENTRY}}
        return self._processing_step(
            name, jobs.overlaid(made, entry), reports, cache, retries, depends_on, job
        )

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
        environment: Mapping[str, Operand] | None = None,
        compute: ComputeSettings | None = None,
        cache: str | None = None,
        retries: Sequence[RetryPolicy] = (PLATFORM_FAULTS,),
        depends_on: After = (),
        job: Mapping[str, Any] | None = None,
    ) -> ProcessingStep:
        """Runs any container: input `n` is at /opt/ml/processing/input/n, what it writes to
        /opt/ml/processing/output/n becomes output `n`.

        Args:
            entry: the program and its first arguments; empty leaves it to the image.
        """
        made = jobs.container_job(
            image=image,
            entry=entry,
            role_arn=self.ctx.role_arn,
            compute=self._compute(name, compute),
            output_key_arn=self.ctx.output_key_arn,
            inputs=(inputs or {}).items(),
            outputs=self._output_uris(name, outputs),
            arguments=arguments,
            environment=environment or {},
        )
        return self._processing_step(name, made, reports, cache, retries, depends_on, job)

    def baseline(
        self,
        name: str,
        *,
        of: Operand | jobs.Input,
        exclude: Sequence[str] = (),
        label: str | None = None,
        probability: str = "probability",
        cache: str | None = None,
        depends_on: After = (),
    ) -> BaselineStep:
        """Describes data for later data to be compared with; give it to `register`.

        Args:
            of: URI of CSV files with a header.
            exclude: columns that requests will not carry.
            label: the rows are a classifier's answers (`probability`) beside this column, and the
                baseline is of how good they are.
        """
        if label is None:
            kind = "ModelDataQuality"
            threshold = self.ctx.settings.monitor.comparison_threshold
            made = analysis.data_baseline(of=of, exclude=exclude, threshold=threshold)
        else:
            kind = "ModelQuality"
            made = analysis.quality_baseline(of=of, label=label, probability=probability)
        return self._add(BaselineStep(kind=kind, **self._analysis(name, made, cache, depends_on)))

    def comparison(
        self,
        name: str,
        *,
        of: Traffic,
        baseline: Operand,
        exclude: Sequence[str] = (),
        labels: Operand | jobs.Input | None = None,
        cache: str | None = None,
        depends_on: After = (),
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
            made = analysis.data_comparison(
                of, baseline=baseline, exclude=exclude, minimum_rows=rows
            )
        else:
            made = analysis.quality_comparison(
                of, baseline=baseline, labels=labels, minimum_rows=rows
            )
        return self._add(ProcessingStep(**self._analysis(name, made, cache, depends_on)))

    # -- inside

    def _analysis(
        self, name: str, made: Analysis, cache: str | None, depends_on: After
    ) -> dict[str, Any]:
        """What a step that runs the analyzer is made of."""
        job = self._processing_job(
            name,
            self._bundle(name, analysis.SCRIPT, imports_from=analysis.IMPORTS_FROM),
            inputs=made.inputs,
            outputs=[made.output],
            arguments=made.arguments,
            environment={},
            compute=self.ctx.settings.monitor.compute,
            image=None,
        )
        return {
            "name": name,
            "type": "Processing",
            "arguments": self._tagged("Processing", name, job),
            "depends_on": depends_on,
            "cache": self._cache(cache),
            "retries": (PLATFORM_FAULTS,),
            "more": {"PropertyFiles": jobs.property_files(made.reports)},
            "reports": made.reports,
        }

    def _processing_step(
        self,
        name: str,
        made: Mapping[str, Any],
        reports: Mapping[str, str] | None,
        cache: str | None,
        retries: Sequence[RetryPolicy],
        depends_on: After,
        job: Mapping[str, Any] | None,
    ) -> ProcessingStep:
        return self._add(
            ProcessingStep(
                name=name,
                type="Processing",
                arguments=self._tagged("Processing", name, jobs.overlaid(made, job or {})),
                depends_on=depends_on,
                cache=self._cache(cache),
                retries=retries,
                more={"PropertyFiles": jobs.property_files(reports)} if reports else {},
                reports=reports or {},
            )
        )

    def _processing_job(
        self,
        name: str,
        bundle: Bundle,
        *,
        inputs: Mapping[str, Operand | jobs.Input],
        outputs: Sequence[str],
        arguments: Sequence[Operand],
        environment: Mapping[str, Operand],
        compute: ComputeSettings,
        image: str | None,
    ) -> dict[str, Any]:
        return jobs.processing_job(
            image=image or self.ctx.image,
            role_arn=self.ctx.role_arn,
            compute=compute,
            output_key_arn=self.ctx.output_key_arn,
            code_uri=self.ctx.bundle_uri(bundle),
            entry=bundle.entry,
            inputs=inputs,
            outputs=self._output_uris(name, outputs),
            arguments=arguments,
            environment=environment,
        )
