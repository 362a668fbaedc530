"""What a pipeline is made for: one environment of one project, as plain strings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ratchet.authoring.bundle import ARCHIVE_SUFFIX, Bundle, bundle_script
from ratchet.settings.schema import Settings


@dataclass(frozen=True, kw_only=True)
class Functions:
    """ARNs of the Lambda functions that pipelines invoke.

    A pipeline is made with those it invokes; it is refused when one of them is left empty.
    """

    resolve_champion: str = ""
    select_captured: str = ""
    publish_monitoring: str = ""
    record_evaluation: str = ""


@dataclass(frozen=True, kw_only=True)
class Context:
    """The strings may be CDK tokens (at synth) or real values (on a laptop): they pass through."""

    settings: Settings
    role_arn: str
    """The role of the pipeline and of its jobs."""
    artifacts_uri: str
    """`s3://<bucket>` that runs write to, without a trailing slash."""
    code_uri: str
    """`s3://<bucket>` (or a folder in it) that holds the bundles, without a trailing slash."""
    functions: Functions
    data_uri: str = ""
    """`s3://<bucket>` that data lands in, without a trailing slash."""
    account: str = ""
    """Where it is deployed."""
    output_key_arn: str = ""
    """The KMS key of what jobs write; "" leaves them with the account's default S3 key, whatever
    the bucket's own encryption says (SageMaker API reference, "OutputDataConfig")."""
    source: Path
    """The folder that script paths are relative to: the project's."""
    bundler: Callable[..., Bundle] = bundle_script
    """Makes the bundle of a script. Synth remembers them: its environments run the same code."""

    @property
    def steps(self) -> str:
        """The folder of the model's scripts, relative to `source`."""
        return f"steps/{self.settings.model_name}"

    @property
    def image(self) -> str:
        return self.settings.image

    @property
    def model_group(self) -> str:
        return self.settings.model_package_group

    def bundle_uri(self, bundle: Bundle) -> str:
        """Where a bundle must be before the pipeline runs: named by its content. A URI that ends in
        a slash is of a folder that holds its files."""
        return f"{self.code_uri}/{bundle.digest}{'/' if bundle.is_folder else ARCHIVE_SUFFIX}"
