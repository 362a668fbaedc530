"""The texts of the notices, one for each event (pure). Each names the next command to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.loop import names
from ratchet.loop.notices import command
from ratchet.loop.numbers import difference_text, score_text, shows
from ratchet.loop.packages import (
    CHAMPION_VERSION_KEY,
    registered_regression,
    registered_score,
)
from topic import Notice

_MOST_FEATURES = 5


@dataclass(frozen=True, kw_only=True)
class NoticeTexts:
    """The loop that a notice is from. One topic may carry the notices of several."""

    project: str
    environment: str

    def notice(self, title: str, text: str, *commands: str) -> Notice:
        return Notice(
            title=f"{self.project} {self.environment}: {title}", text=text, commands=commands
        )

    def command(self, words: str) -> str:
        return command(words, environment=self.environment)

    # -- the registry and the endpoint ---------------------------------------------------------

    def waiting(
        self,
        version: int,
        *,
        description: str,
        metadata: Mapping[str, str],
        cost: str = "",
        edit: bool = False,
    ) -> Notice:
        text = f"Version {version} passed the gate and waits for your approval."
        if edit:
            text += " It is from an edit that was run by hand: what is deployed does not make it."
        if description:
            text += f" {_sentence(description)}"
        score, regression = registered_score(metadata), registered_regression(metadata)
        champion = metadata.get(CHAMPION_VERSION_KEY, names.NONE)
        if champion != names.NONE and regression is not None:
            like = score.value if score else None
            how = f"is {difference_text(regression, like=like)} than"
            if not shows(regression, like=like):
                how = "ties with"
            text += f" It {how} version {champion}, which it was judged against."
        text += _and(cost)
        title = f"version {version} waits for approval"
        if score is not None:
            title += f" ({score.metric} {score_text(score.value)})"
        return self.notice(
            title,
            text,
            self.command(f"approve {version}"),
            self.command(f"reject {version}"),
            self.command(f"lineage {version}"),
        )

    def deployed(self, version: int, *, previous: str | None) -> Notice:
        before = f" in place of version {previous}" if _is_version(previous) else ""
        return self.notice(
            f"version {version} serves",
            f"Version {version} serves{before}: the endpoint was updated and checked. "
            "If it does not do well, reject it; then the version before it serves again.",
            self.command("status"),
            self.command(f"reject {version}"),
        )

    def rolled_back(self, version: int, *, previous: str, why: str) -> Notice:
        return self.notice(
            f"rolled back: version {version} serves again",
            f"Version {version} serves again in place of version {previous}: {_sentence(why)} "
            f"It is monitored against its own baseline.",
            self.command("status"),
            self.command(f"lineage {previous}"),
        )

    def promotion_failed(self, version: int, *, serving: str, why: str) -> Notice:
        meanwhile = (
            f"Version {serving} goes on serving." if _is_version(serving) else "Nothing serves."
        )
        return self.notice(
            f"version {version} could not be deployed",
            f"Version {version} was approved and could not be deployed: {_sentence(why)} "
            f"{meanwhile} Version {version} is not tried again until somebody approves it again.",
            self.command("status"),
            self.command(f"approve {version}"),
            self.command(f"reject {version}"),
        )

    def engine_switched(self, version: int, *, why: str) -> Notice:
        return self.notice(
            "monitoring goes on without Model Monitor",
            f"AWS refused the monitoring schedule of version {version}: {_sentence(why)} This "
            "does not hold back the endpoint: the version is deployed again, with the monitoring "
            "pipeline. To stop trying Model Monitor, set engine = "
            f'"{names.PIPELINE}" in the section [monitor] of the environment\'s settings.',
            self.command("status"),
            self.command("monitor show"),
        )

    def goes_on_serving(self, *, why: str) -> Notice:
        return self.notice(
            "a version that is not approved goes on serving",
            f"{_sentence(why)} It goes on serving, because when_none_left is "
            f'"{names.KEEP}". Approve a version, or train a better one.',
            self.command("models"),
            self.command("approve VERSION"),
            self.command("run training"),
        )

    def taken_down(self, *, version: str | None) -> Notice:
        what = f"Version {version}" if _is_version(version) else "The last version"
        return self.notice(
            "nothing serves: the endpoint was taken down",
            f"{what} no longer serves, and no other version is approved. The endpoint comes back "
            "with the next approval.",
            self.command("models"),
            self.command("approve VERSION"),
        )

    def stuck(self, *, why: str, command: str) -> Notice:
        return self.notice(
            "the deployment needs you",
            f"{_sentence(why)} The version that serves goes on serving, and nothing is deployed "
            "until this is resolved.",
            command,
            self.command("status"),
        )

    # -- runs ----------------------------------------------------------------------------------

    def halted(self, run: str, *, verdict: str, cost: str = "", edit: bool = False) -> Notice:
        of_edit = " of an edit, by hand," if edit else ""
        return self.notice(
            "the candidate was halted by the gate",
            f"The run {run}{of_edit} trained a candidate that is not good enough to be registered: "
            f"{_sentence(verdict)} The champion goes on serving.{_and(cost)}",
            self.command(f"show {run}"),
            self.command("status"),
        )

    def no_new_model(self, run: str, *, verdict: str, cost: str = "") -> Notice:
        which = _sentence(verdict) if verdict else "Its candidate is a version that is there."
        return self.notice(
            "no new model",
            f"The run {run} made no new model, so it registered nothing. {which}{_and(cost)}",
            self.command(f"show {run}"),
            self.command("models"),
        )

    def run_failed(
        self, run: str, *, pipeline: str, step: str | None, why: str, cost: str = ""
    ) -> Notice:
        where = f" in its step {step}" if step else ""
        return self.notice(
            f"the run {run} failed{where}",
            f"The run {run} of {pipeline} failed{where}: {_sentence(why)}{_and(cost)}",
            self.command(f"logs {run} {step}" if step else f"logs {run}"),
            self.command(f"show {run}"),
        )

    # -- costs ---------------------------------------------------------------------------------

    def over_the_limit(self, run: str, *, pipeline: str, cost: str, limit: str) -> Notice:
        return self.notice(
            f"the run {run} was stopped: it cost more than {limit}",
            f"{_sentence(cost)} That is more than the limit of {limit}, so this run of {pipeline} "
            "was stopped. To allow more, raise run_limit_usd in the section [costs] of the "
            "environment's settings and deploy; then start the run again; finished steps are "
            "cache hits.",
            self.command(f"show {run}"),
            self.command("costs --by step"),
            self.command("deploy"),
        )

    def idle_endpoint(self, endpoint: str, *, hours: int, on: str, cost: str | None) -> Notice:
        each_day = f"costs {cost} a day" if cost else "costs money at an unknown price"
        return self.notice(
            f"nobody called the endpoint for {hours} h",
            f"Nobody called the endpoint {endpoint} in the last {hours} h, and it {each_day} "
            f"({on}). If it is not needed, reject the version that serves, with "
            f'when_none_left = "{names.TAKE_DOWN}" in the settings. You get this notice once, '
            "until somebody calls the endpoint again.",
            self.command("status"),
            self.command("costs"),
        )

    # -- alarms --------------------------------------------------------------------------------

    def drift(self, features: Sequence[str], *, window: str, retrains: bool) -> Notice:
        which = f": {_listed(features)}" if features else ""
        return self.notice(
            f"drift in the traffic{which}",
            f"Requests to the endpoint{window} differ from the rows that the champion was "
            f"evaluated on{which}. {_what_follows(retrains)}",
            self.command("monitor show"),
            *([] if retrains else [self.command("run training")]),
        )

    def model_quality(self, metrics: Sequence[str], *, window: str, retrains: bool) -> Notice:
        which = f": {_listed(metrics)}" if metrics else ""
        return self.notice(
            f"the champion answers worse than it did{which}",
            f"Compared with the labels that arrived, the champion's answers{window} are worse than "
            f"at registration{which}. {_what_follows(retrains)}",
            self.command("monitor show"),
            *([] if retrains else [self.command("run training")]),
        )

    def evaluated_worse(
        self, version: int, *, data: str, violations: Sequence[str], retrains: bool
    ) -> Notice:
        on = f" on {data}" if data else ""
        return self.notice(
            f"version {version} did not do well{on}",
            f"Version {version}, which serves, was evaluated on new labelled data{on}: "
            f"{_sentence('; '.join(violations))} {_what_follows(retrains)} A run trains on the "
            "data that landed for training. To train on the labelled data, land it there too.",
            self.command(f"models show {version}"),
            *([] if retrains else [self.command("run training")]),
        )

    def no_more_retrains(self, count: int, *, since: str) -> Notice:
        return self.notice(
            f"drift goes on, and {count} retrains did not help",
            f"The last {count} runs that drift started brought no better model, so drift "
            f"({since}) starts no more runs. New data still does. The count starts again with the "
            "next better model.",
            self.command("monitor show"),
            self.command("run training"),
        )

    def dead_letters(self, queue: str) -> Notice:
        return self.notice(
            "an event could not be handled",
            f"The queue {queue} holds messages that a function of the loop could not handle "
            "several times over. The function's log gives the reason. Once it is gone, the loop's "
            "schedules do the work again.",
            f"aws sqs receive-message --queue-url $(aws sqs get-queue-url --queue-name {queue} "
            "--query QueueUrl --output text)",
            self.command("status"),
        )

    def alarm(self, name: str, *, description: str, reason: str) -> Notice:
        about = f"{_sentence(description)} " if description else ""
        return self.notice(f"alarm {name}", f"{about}{_sentence(reason)}", self.command("status"))


def _and(cost: str) -> str:
    return f" {cost}" if cost else ""


def _what_follows(retrains: bool) -> str:
    if retrains:
        return "A run on the current data starts automatically, unless one started recently."
    return "Feedback is off, so no run starts automatically."


def _is_version(text: str | None) -> bool:
    return bool(text) and str(text).isdecimal()


def _listed(violated: Sequence[str]) -> str:
    """Such as "dewp, temp and 3 more"."""
    shown = ", ".join(violated[:_MOST_FEATURES])
    others = len(violated) - _MOST_FEATURES
    return f"{shown} and {others} more" if others > 0 else shown


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    first = words[:1].upper() + words[1:]
    return first if not first or first[-1] in ".!?" else f"{first}."
