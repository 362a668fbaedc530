"""The dev environment's foundation and imported pipelines, and the function that one of them calls.

Its one argument is the folder that holds `pipelines/`.
"""

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from ratchet.project import load
from stacks.foundation import Foundation
from stacks.pipelines import Pipelines

TELL = "def handler(event, _):\n    return {'told': event['package']}\n"

settings = load("dev")
app = cdk.App()
stage = cdk.Stage(app, "dev", env=cdk.Environment(region=settings.region))
foundation = Foundation(stage, "Foundation", settings=settings)
Pipelines(stage, "Pipelines", settings=settings, source=Path(sys.argv[1]), foundation=foundation)
team = cdk.Stack(stage, "Team", stack_name="team")
lambda_.Function(
    team,
    "Tell",
    function_name="tell-the-team",
    runtime=lambda_.Runtime.PYTHON_3_11,
    handler="index.handler",
    code=lambda_.Code.from_inline(TELL),
)
app.synth()
