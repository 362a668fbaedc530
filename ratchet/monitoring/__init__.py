"""Drift analysis in Amazon SageMaker Model Monitor's own file formats.

The package runs inside a SageMaker processing container as well as on a laptop: it imports the
standard library, NumPy, pandas and PyArrow, keeps to Python 3.10, and nothing else of this project.
`analyze.py` is the step script; docs/guides/drift-analysis.md says what the numbers mean.
"""
