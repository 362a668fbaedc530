"""Starts the pipeline for every object that landed."""

import json
import os
from typing import Any

import boto3


def handler(event: dict[str, Any], context: object) -> dict[str, list[str]]:
    client = boto3.client("sagemaker")
    for record in event["Records"]:
        key = json.loads(record["body"])["detail"]["object"]["key"]
        client.start_pipeline_execution(
            PipelineName=os.environ["PIPELINE"],
            PipelineParameters=[{"Name": "Key", "Value": key}],
            ClientRequestToken=record["messageId"],
        )
    print(f"{len(event['Records'])} records through {os.environ['AWS_ENDPOINT_URL']}")
    return {"batchItemFailures": []}
