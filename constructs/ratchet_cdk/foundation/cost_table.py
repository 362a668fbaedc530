"""The rows of costs as a table, for queries in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_glue as glue
from constructs import Construct

from ratchet.costs import rows
from ratchet.loop import names
from ratchet_cdk.loop_resources import LoopResources

TABLE = "run_costs"
FIRST_MONTH = "2026-01"
"""No row is older: nothing recorded costs before."""

_SERDE = "org.openx.data.jsonserde.JsonSerDe"


class CostTable(Construct):
    """A database and a table of AWS Glue over what `ratchet.costs.rows` describes.

    Athena knows the partitions by computing them, so nobody has to add them and a query by
    pipeline and month reads no more than that:
    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        pipelines: Sequence[str],
    ) -> None:
        """`pipelines`: names of the pipelines whose runs are recorded."""
        super().__init__(scope, construct_id)
        settings = loop.settings
        self.uri = f"{loop.artifacts.uri}/{rows.FOLDER}".rstrip("/")
        # Without hyphens, which SQL would want in quotes.
        self.database = f"{settings.prefix}-costs".replace("-", "_")
        self.name = TABLE
        account = loop.arns.account
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database,
                description=f"What the runs of {settings.prefix} cost",
            ),
        )
        table = glue.CfnTable(
            self,
            "Table",
            catalog_id=account,
            database_name=self.database,
            table_input=glue.CfnTable.TableInputProperty(
                name=TABLE,
                description="One row for each step of a run, and for the endpoint and each bucket "
                "a day; money in US dollars",
                table_type="EXTERNAL_TABLE",
                parameters={
                    "classification": "json",
                    **_projection([*names.with_edits(pipelines), rows.ENDPOINTS, rows.STORAGE]),
                },
                partition_keys=_columns({"pipeline": "string", "month": "string"}),
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    location=f"{self.uri}/",
                    columns=_columns(rows.columns()),
                    input_format="org.apache.hadoop.mapred.TextInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=_SERDE),
                ),
            ),
        )
        table.add_resource_dependency(database)


def _projection(pipelines: Sequence[str]) -> dict[str, str]:
    """The folders are named `pipeline=…/month=…/`, as Athena expects."""
    return {
        "projection.enabled": "true",
        "projection.pipeline.type": "enum",
        "projection.pipeline.values": ",".join(pipelines),
        "projection.month.type": "date",
        "projection.month.format": "yyyy-MM",
        "projection.month.range": f"{FIRST_MONTH},NOW",
        "projection.month.interval": "1",
        "projection.month.interval.unit": "MONTHS",
    }


def _columns(types: Mapping[str, str]) -> list[glue.CfnTable.ColumnProperty]:
    return [glue.CfnTable.ColumnProperty(name=name, type=kind) for name, kind in types.items()]
