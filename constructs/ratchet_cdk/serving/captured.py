"""Folders of the artifact bucket that hold what the endpoint was asked, and what came of it.

SageMaker and the functions share them by these names.
"""

CAPTURE = "capture/"  # <endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl, written by the endpoint
GROUND_TRUTH = "ground-truth/"  # yyyy/mm/dd/hh/*.jsonl, written by whoever knows the labels
MONITORING = "monitoring/"  # <endpoint>/<kind>.json: what was published last; reports/: see below
REPORTS = f"{MONITORING}reports/"  # <endpoint>/<schedule>/yyyy/mm/dd/hh/, written by Model Monitor
