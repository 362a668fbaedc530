"""The settings of one model in one environment, typed and frozen.

The fields below are the keys of the files in `config/`; `loading.py` says which file lies over
which. Settings are loaded once, by the CDK app or by the command line, and handed down: nothing
below reads a file or an environment variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Literal

from ratchet.loop import names, problems
from ratchet.settings import images, timetable
from ratchet.settings.candidates import CandidateSettings
from ratchet.settings.compute import (
    ComputeSettings,
    Image,
    InstanceSettings,
    StepSettings,
)
from ratchet.settings.costs import CostSettings
from ratchet.settings.intake import Intake
from ratchet.settings.layers import Layers
from ratchet.settings.notebooks import NotebookSettings
from ratchet.settings.retention import NotificationSettings, RetentionSettings
from ratchet.settings.serving import EndpointSettings
from ratchet.settings.toml_reader import (
    NOT_A_KEY,
    SettingsError,
    at_least,
    between,
    finite,
    matching,
)

__all__ = [
    "CandidateSettings",
    "ComputeSettings",
    "CostSettings",
    "InstanceSettings",
    "Settings",
    "SettingsError",
    "StepSettings",
]

_Name = Annotated[
    str,
    matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "lower-case letters, digits and single hyphens"),
    lambda value: None if len(value) <= 20 else "at most 20 characters",
]
_Project = Annotated[
    _Name,
    # Systems Manager's reference, PutParameter: "cannot be prefixed with aws or ssm".
    lambda value: (
        'a name that begins with neither "aws" nor "ssm", which SSM parameters may not'
        if value.startswith(("aws", "ssm"))
        else None
    ),
]
_Model = Annotated[
    str,
    # Python imports no folder with a hyphen, and SageMaker takes no name with an underscore.
    matching(r"[a-z][a-z0-9]*", "lower-case letters and digits, a letter first"),
    lambda value: None if len(value) <= 20 else "at most 20 characters",
]
_TagValue = Annotated[
    str,
    matching(r"[\w .:/=+@-]{1,256}", "1 to 256 letters, digits, spaces and _ . : / = + - @"),
]
_Folder = Annotated[
    str, matching(r"([\w!.*'()-]+/)+", 'a folder such as "raw/", without a leading slash')
]


_RunSchedule = Annotated[str, lambda value: timetable.expected_of(value) if value else None]
_TimeZone = Annotated[str, timetable.expected_of_zone]


_Column = Annotated[
    str, matching(r"[^,\x00-\x1f]{1,100}", "the name of a column: at most 100 characters, no comma")
]
_Class = Annotated[str, matching(r"[^\x00-\x1f]{1,200}", "1 to 200 characters")]
_MOST_CLASSES = 70  # a processing job takes 100 arguments
_Classes = Annotated[
    tuple[_Class, ...],
    lambda names: None if len(names) <= _MOST_CLASSES else f"at most {_MOST_CLASSES} names",
]
_MOST_SLICES = _MOST_LIMITS = 10  # the job's arguments, and the message of a halt
_Limits = Annotated[
    Mapping[str, Annotated[float, finite]],
    lambda limits: None if len(limits) <= _MOST_LIMITS else f"at most {_MOST_LIMITS} metrics",
]
_Slices = Annotated[
    tuple[_Column, ...],
    lambda names: (
        None
        if len(set(names)) == len(names) <= _MOST_SLICES
        else f"at most {_MOST_SLICES} columns, each once"
    ),
]
_Threshold = Annotated[
    float | Literal["best-f1"],
    lambda value: (
        None
        if isinstance(value, str) or 0 <= value <= 1
        else f'a number from 0 to 1, or "{problems.BEST_F1}"'
    ),
]
_Place = (
    Annotated[int, between(0, 10_000)]
    | Annotated[str, matching(r"[^,\x00-\x1f]{1,100}", "a column's position from 0, or its name")]
)
"""Of a column in the endpoint's answers."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What the model predicts, and by which metric one is better than another.

    Gate, evaluation, baselines, monitoring and views read it here.
    """

    problem: problems.Kind
    """binary: the probability of one of two classes; multiclass: one of several; regression: a
    number."""
    label: _Column
    """The column of the eval slice with the true answers. Requests do not carry it."""
    metric: str = ""
    """What the gate decides by: a metric of the problem, or one of the team's own
    `steps/<model>/metrics.py`; "" = auc, macro_f1 or rmse."""
    positive: Annotated[str, matching(r"[^\x00-\x1f]{0,200}", "at most 200 characters")] = ""
    """Of a binary problem whose labels are words: the one that the probability is of."""
    classes: _Classes = ()
    """Of a multiclass problem: all classes, in the order in which the model answers their
    probabilities; none = those of the eval slice, sorted."""
    threshold: _Threshold = problems.THRESHOLD
    """Of a binary problem: from this probability on, the answer is the positive class. "best-f1":
    each model has the one with the best F1 on the eval slice that it was trained with."""
    weights: Annotated[
        str, matching(r"[^,\x00-\x1f]{0,100}", "the name of a column, or nothing")
    ] = ""
    """The column of the eval slice that says how much each row counts; "" = all the same. Requests
    do not carry it."""
    prediction: _Place | None = None
    """Where the answer itself stands in the model's answer: the class or the number."""
    probability: _Place | None = None
    """Where the probability of the positive class stands, or that of the first class."""
    quantile: Annotated[
        float, lambda value: None if 0 < value < 1 else "a number between 0 and 1"
    ] = problems.MEDIAN
    """Of a regression: which quantile of the label the model predicts, for the metric pinball."""

    @property
    def own_threshold(self) -> bool:
        """Whether a version has a threshold: its answers are probabilities, and not classes."""
        return self.problem == problems.BINARY and self.prediction is None

    @property
    def answers_class_alone(self) -> bool:
        """Whether a binary model answers no probability."""
        return (
            self.problem == problems.BINARY
            and self.prediction is not None
            and self.probability is None
        )

    @property
    def answers_have_header(self) -> bool:
        """Whether the first line of a model's CSV names the columns."""
        return isinstance(self.prediction, str) or isinstance(self.probability, str)

    @property
    def not_in_requests(self) -> tuple[str, ...]:
        """The columns of the eval slice that are no input of the model."""
        return (self.label, self.weights) if self.weights else (self.label,)

    @property
    def metric_name(self) -> str:
        return self.metric or problems.PROBLEMS[self.problem].default

    @property
    def known_metric(self) -> problems.ModelMetric | None:
        """None: it is the team's own."""
        return problems.PROBLEMS[self.problem].metrics.get(self.metric_name)

    @property
    def needs_tolerances(self) -> bool:
        """Whether the metric has the label's unit, so that no default can know what is little."""
        return self.known_metric is None or self.known_metric.in_label_unit

    @property
    def has_word_labels(self) -> bool:
        """Of a binary problem: whether the two labels are words rather than 0 and 1."""
        numbers = ("", *problems.TRUE)
        return self.problem == problems.BINARY and self.positive.strip().lower() not in numbers


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where data lands in the data bucket, and how much of it a run reads."""

    prefix: _Folder = "raw/"
    window: Annotated[int, between(0, 10_000)] = 0
    """The newest N partitions (the folder of a key below the prefix); 0 = all of them."""


@dataclass(frozen=True, kw_only=True)
class TriggerSettings:
    """When landed data becomes a run."""

    enabled: bool = True
    settle_seconds: Annotated[int, between(0, 900)] = 60
    """No object landed for this long: the drop is complete. (SQS delays by 900 s at most.)"""
    max_wait_seconds: Annotated[int, between(0, 86_400)] = 900
    """A run starts after this long even while objects still land."""
    schedule: timetable.RuleSchedule = "rate(1 hour)"
    """Wakes the trigger regularly in case an event was lost. It starts a run only if there is data
    that was not run. In UTC."""
    run_schedule: _RunSchedule = ""
    """When to run without new data, as an expression of EventBridge Scheduler such as
    "cron(0 6 ? * MON *)"; "" = never."""
    timezone: _TimeZone = "UTC"
    """Of `run_schedule`."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """Where new labelled data lands, and when the champion is evaluated on it."""

    prefix: _Folder = "labelled/"
    """In the data bucket, beside that of `data`."""
    window: Annotated[int, between(0, 10_000)] = 1
    """The newest N partitions are one evaluation; 0 = all of them."""
    enabled: bool = True
    """False: only `ratchet run evaluation` evaluates."""
    settle_seconds: Annotated[int, between(0, 900)] = 60
    """As in `trigger`."""
    max_wait_seconds: Annotated[int, between(0, 86_400)] = 900
    """As in `trigger`."""
    run_schedule: _RunSchedule = ""
    """As in `trigger`."""
    timezone: _TimeZone = "UTC"
    """Of `run_schedule`."""
    floor: Annotated[float, finite] | None = None
    """A worse score raises the model-quality alarm: a lower one, or a higher one where less is
    better. None: what answers without a look at the row reach (an auc of 0.5, an r2 of 0), and for
    other metrics nothing."""
    max_regression: Annotated[float, at_least(0)] | None = None
    """A score that is worse than the one at registration by more than this raises it, too. In the
    metric's own unit; None: 0.05, where the metric does not have the label's unit."""
    minimum_rows: Annotated[int, between(1, 1_000_000)] = 100
    """An evaluation on fewer is recorded, and neither raises the alarm nor ends it."""


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """What a candidate must reach to be registered."""

    max_regression: Annotated[float, at_least(0)] | None = None
    """How much worse than the champion still passes. In the metric's own unit; None: 0.005, where
    the metric does not have the label's unit."""
    unscorable_champion: Literal["halt", "pass"] = "halt"
    """What to do when the champion can no longer score the new data."""
    limits: _Limits = field(default_factory=lambda: MappingProxyType({}))
    """Metric → the worst value of a candidate that still passes, whatever the champion's is: of
    each at least, where more is better, or at most. Metrics of the problem, latency_ms, size_mb,
    and the team's own."""
    slices: _Slices = ()
    """Columns of the eval slice. A candidate is compared with the champion on the rows of each of
    their values, too."""
    slice_max_regression: Annotated[float, at_least(0)] | None = None
    """How much worse than the champion is no harm on the rows of one value; None: as
    `max_regression`."""
    slices_halt: bool = False
    """True: a candidate that is worse on the rows of some value, beyond chance, is not registered.
    False: the verdict says so."""


@dataclass(frozen=True, kw_only=True)
class MonitorSettings:
    """How captured traffic is compared with the rows that the champion was evaluated on."""

    engine: names.Engine = names.AUTO
    """SageMaker Model Monitor, this project's own pipeline, or the first that the account has."""
    schedule_hours: Annotated[int, between(1, 24)] = 1
    exclude: tuple[str, ...] = ()
    """Columns that are not compared, beside the label: those that requests do not carry, and those
    that change by nature, such as the month."""
    minimum_rows: Annotated[int, between(1, 1_000_000)] = 100
    """Fewer are not compared."""
    comparison_threshold: Annotated[float, between(0, 1)] = 0.1
    """How far a feature's distribution may move: a distance from 0 (the same) to 1."""
    compute: InstanceSettings = field(default_factory=InstanceSettings)
    """For the jobs that make the baselines and the analyses."""


@dataclass(frozen=True, kw_only=True)
class FeedbackSettings:
    """What happens after drift."""

    enabled: bool = True
    """False: people get a notice about drift, and no run starts."""
    cooldown_hours: Annotated[int, between(0, 8760)] = 24
    """Between two runs that drift started."""
    fruitless_limit: Annotated[int, between(1, 100)] = 3
    """After this many runs for drift in a row without a better model, no more start."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One environment of one project."""

    environment: _Name = field(metadata=NOT_A_KEY)
    """The name of its file; not a key in it."""
    model_name: _Model = field(metadata=NOT_A_KEY)
    """The name of its folders; not a key in a file."""
    project: _Project
    region: Annotated[str, matching(r"[a-z]{2}(-[a-z]+)+-\d", 'a region such as "us-east-1"')]
    owner: _TagValue
    cost_center: _TagValue
    model: ModelSettings
    account: (
        Annotated[str, matching(r"\d{12}", 'twelve digits, or "local" for the local cloud')] | None
    ) = None
    """None: whatever account the credentials belong to at deployment. In a file, "local" is the
    local cloud."""
    local: bool = field(default=False, metadata=NOT_A_KEY)
    """Whether the environment lives on the local cloud; not a key in a file, which says
    account = "local"."""
    bootstrap_qualifier: Annotated[
        str, matching(r"|[a-z0-9]{1,10}", "up to ten lower-case letters and digits")
    ] = ""
    """The qualifier of the CDK's bootstrap stack, whose roles deploy this environment; "" = the
    context key `@aws-cdk/core:bootstrapQualifier` of cdk.json, or the CDK's default."""
    protected: bool = False
    """True: only `cdk deploy` changes the pipeline; `ratchet run` refuses to."""
    experiment: Annotated[
        str, matching(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}", "letters, digits and hyphens")
    ] = "default"
    approval: Literal["manual", "automatic"] = "manual"
    when_none_left: names.WhenNoneLeft = names.KEEP
    """If the version that serves is rejected and no other is approved: it goes on serving, or the
    endpoint is taken down. People get a notice either way."""
    cache_expire_after: Annotated[
        str, matching(r"|P(\d+D)?(T\d+[HMS])?", 'an ISO 8601 period such as "P30D", or ""')
    ] = "P30D"
    """How old a cached step's result may be; "" turns caching off."""
    image_uri: Image | None = None
    """The container image of all steps that name none of their own; None: SageMaker's XGBoost image
    of the region."""
    data: DataSettings = field(default_factory=DataSettings)
    trigger: TriggerSettings = field(default_factory=TriggerSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    steps: Mapping[str, StepSettings] = field(default_factory=lambda: MappingProxyType({}))
    """By the step's name; a step that is not named has the defaults."""
    gate: GateSettings = field(default_factory=GateSettings)
    hyperparameters: Mapping[str, str | int | float] = field(
        default_factory=lambda: MappingProxyType({})
    )
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    feedback: FeedbackSettings = field(default_factory=FeedbackSettings)
    costs: CostSettings = field(default_factory=CostSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    notifications: NotificationSettings = field(default_factory=NotificationSettings)
    candidates: CandidateSettings = field(default_factory=CandidateSettings)
    notebooks: NotebookSettings = field(default_factory=NotebookSettings)
    layers: Layers | None = field(default=None, compare=False, repr=False, metadata=NOT_A_KEY)
    """The files that said all this; None: no file did."""

    @property
    def loop(self) -> str:
        """The name of the model's loop: a model with its project's name needs to be said once."""
        return (
            self.project if self.model_name == self.project else f"{self.project}-{self.model_name}"
        )

    @property
    def prefix(self) -> str:
        """The prefix of the names of this loop in this environment."""
        return f"{self.loop}-{self.environment}"

    def origin(self, key: str) -> str:
        """The file that says a dotted key, or else its table, as one types it in the project."""
        return self.layers.origin(key) if self.layers else f"config/{self.environment}.toml"

    def step(self, name: str) -> StepSettings:
        """The settings of the step `name`."""
        return self.steps.get(name) or StepSettings()

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags of every resource; they split the costs."""
        return {
            "project": self.project,
            "model": self.model_name,
            "environment": self.environment,
            "owner": self.owner,
            "cost-center": self.cost_center,
        }

    @property
    def image(self) -> str:
        """The URI of the container image of all steps that name none of their own."""
        return self.image_uri or images.xgboost(self.region)

    @property
    def gate_max_regression(self) -> float:
        """How much worse than the champion still passes."""
        return self.gate.max_regression if self.gate.max_regression is not None else 0.005

    @property
    def slice_max_regression(self) -> float:
        """How much worse than the champion is no harm on the rows of one value."""
        tolerance = self.gate.slice_max_regression
        return self.gate_max_regression if tolerance is None else tolerance

    @property
    def evaluation_floor(self) -> float | None:
        """The worst score of an evaluation that raises no alarm."""
        metric = self.model.known_metric
        chance = metric.chance if metric else None
        return self.evaluation.floor if self.evaluation.floor is not None else chance

    @property
    def evaluation_max_regression(self) -> float:
        """How much worse than at registration raises no alarm."""
        tolerance = self.evaluation.max_regression
        return tolerance if tolerance is not None else 0.05

    @property
    def no_model_monitor(self) -> str | None:
        """Why SageMaker Model Monitor cannot watch this model, so that the monitoring pipeline
        does; None: it can."""
        if images.model_monitor(self.region) is None:
            return f"region {self.region!r} has no such container"
        if self.model.has_word_labels:
            return (
                f"AWS documents it for the labels 0 and 1 of a binary problem, and not for words "
                f"such as {self.model.positive!r}"
            )
        return None

    @property
    def unmonitored(self) -> tuple[str, ...]:
        """The columns of the eval slice that requests are not compared by: the label first."""
        return tuple(dict.fromkeys([*self.model.not_in_requests, *self.monitor.exclude]))

    @property
    def model_package_group(self) -> str:
        return self.prefix

    @property
    def endpoint_name(self) -> str:
        return self.prefix

    def pipeline_name(self, kind: str) -> str:
        """The name of the pipeline that `pipeline_defs` calls `kind`."""
        return f"{self.prefix}-{kind}"

    def alarm_name(self, kind: str) -> str:
        """The name of an alarm of this environment, such as that of `drift`."""
        return f"{self.prefix}-{kind}"

    def intake(self, kind: Literal["training", "evaluation"]) -> Intake:
        """Where data lands for the pipeline of this kind, and when it becomes a run."""
        starts = self.trigger if kind == "training" else self.evaluation
        where = self.data if kind == "training" else self.evaluation
        return Intake(
            kind=kind,
            prefix=where.prefix,
            window=where.window,
            enabled=starts.enabled,
            settle_seconds=starts.settle_seconds,
            max_wait_seconds=starts.max_wait_seconds,
            catch_all=self.trigger.schedule,
            run_schedule=starts.run_schedule,
            timezone=starts.timezone,
            drift=kind == "training" and self.feedback.enabled,
        )

    def schedule_name(self, kind: str) -> str:
        """The name of the monitoring of `data-quality` or `model-quality`, or of the schedule by
        which the `training` or the `evaluation` pipeline runs."""
        return f"{self.prefix}-{kind}"

    def parameter(self, name: str) -> str:
        """The name of an SSM parameter of this environment."""
        return f"/{self.loop}/{self.environment}/{name}"
