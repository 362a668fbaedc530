"""The smallest app that uses everything of the local cloud that a loop needs."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm

FOLDER = Path(__file__).parent
SCRIPT = "cat /opt/ml/processing/input/raw/* | tr a-z A-Z > /opt/ml/processing/output/loud/out.txt"


def definition(bucket: str, job_role: str) -> dict[str, object]:
    """One processing step, a trivial script."""
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [{"Name": "Key", "Type": "String"}],
        "Steps": [
            {
                "Name": "shout",
                "Type": "Processing",
                "Arguments": {
                    "RoleArn": job_role,
                    "ProcessingResources": {
                        "ClusterConfig": {
                            "InstanceType": "ml.m5.large",
                            "InstanceCount": 1,
                            "VolumeSizeInGB": 1,
                        }
                    },
                    "AppSpecification": {
                        "ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/none:1",
                        "ContainerEntrypoint": ["/bin/bash", "-c", SCRIPT],
                    },
                    "ProcessingInputs": [
                        {
                            "InputName": "raw",
                            "S3Input": {
                                "S3Uri": {
                                    "Std:Join": {
                                        "On": "/",
                                        "Values": [f"s3://{bucket}", {"Get": "Parameters.Key"}],
                                    }
                                },
                                "LocalPath": "/opt/ml/processing/input/raw",
                                "S3DataType": "S3Prefix",
                                "S3InputMode": "File",
                            },
                        }
                    ],
                    "ProcessingOutputConfig": {
                        "Outputs": [
                            {
                                "OutputName": "loud",
                                "S3Output": {
                                    "S3Uri": f"s3://{bucket}/loud",
                                    "LocalPath": "/opt/ml/processing/output/loud",
                                    "S3UploadMode": "EndOfJob",
                                },
                            }
                        ]
                    },
                },
            }
        ],
    }


JOB_OPERATIONS = ("CreateProcessingJob", "AddTags", "DescribeProcessingJob", "StopProcessingJob")
"""What a pipeline does with a job of a step: it makes, tags and follows it, and may end it."""


class Minimal(cdk.Stack):
    """Object → rule → queue → function → pipeline → its end's event → another queue."""

    def __init__(self, scope: cdk.App) -> None:
        super().__init__(scope, "Minimal")
        key = kms.Key(self, "Key", removal_policy=cdk.RemovalPolicy.DESTROY)
        bucket = s3.Bucket(self, "Bucket", encryption_key=key, versioned=True)
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        resource.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
        )
        ssm.StringParameter(
            self, "Where", parameter_name="/minimal/bucket", string_value=bucket.bucket_name
        )
        by_sagemaker = iam.ServicePrincipal("sagemaker.amazonaws.com")
        job_role = iam.Role(self, "JobRole", assumed_by=by_sagemaker)
        bucket.grant_read(job_role, "raw/*")
        bucket.grant_put(job_role, "loud/*")
        ecr.Repository.from_repository_name(self, "Image", "none").grant_pull(job_role)
        role = iam.Role(self, "Role", assumed_by=by_sagemaker)
        job_role.grant_pass_role(role)
        self._allow(role, "processing-job/pipelines-*", *JOB_OPERATIONS)
        text = self.to_json_string(definition(bucket.bucket_name, job_role.role_arn))
        pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name="minimal",
            role_arn=role.role_arn,
            pipeline_definition={"PipelineDefinitionBody": text},
            tags=[cdk.CfnTag(key="project", value="minimal")],
        )
        function = lambda_.Function(
            self,
            "Start",
            runtime=lambda_.Runtime.PYTHON_3_11,
            handler="start.handler",
            code=lambda_.Code.from_asset(str(FOLDER / "function")),
            environment={"PIPELINE": pipeline.ref},
            timeout=cdk.Duration.seconds(30),
        )
        self._allow(function, "pipeline/minimal", "StartPipelineExecution")
        landed = sqs.Queue(self, "Landed", visibility_timeout=cdk.Duration.seconds(30))
        function.add_event_source(
            sources.SqsEventSource(
                landed,
                batch_size=100,
                max_batching_window=cdk.Duration.seconds(1),
                report_batch_item_failures=True,
            )
        )
        self._rule(
            "Created", landed, "aws.s3", "Object Created", {"object": {"key": [{"prefix": "raw/"}]}}
        )
        ended = sqs.Queue(self, "Ended")
        self._rule(
            "Finished",
            ended,
            "aws.sagemaker",
            "SageMaker Model Building Pipeline Execution Status Change",
            {"currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"]},
        )
        cdk.CfnOutput(self, "BucketName", value=bucket.bucket_name)
        cdk.CfnOutput(self, "EndedUrl", value=ended.queue_url)
        cdk.CfnOutput(self, "Function", value=function.function_name)
        cdk.CfnOutput(self, "PipelineName", value=pipeline.ref)

    def _allow(self, grantee: iam.IGrantable, resource: str, *operations: str) -> None:
        service, name = resource.split("/")
        arn = self.format_arn(service="sagemaker", resource=service, resource_name=name)
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=[f"sagemaker:{operation}" for operation in operations],
            resource_arns=[arn],
        )

    def _rule(
        self, name: str, queue: sqs.Queue, source: str, detail_type: str, detail: dict[str, object]
    ) -> None:
        pattern = events.EventPattern(source=[source], detail_type=[detail_type], detail=detail)
        events.Rule(self, name, event_pattern=pattern, targets=[targets.SqsQueue(queue)])


app = cdk.App()
Minimal(app)
app.synth()
