"""A cloud on the laptop: MiniStack in one background process, with SageMaker of our own inside.

``control`` starts, finds and stops it; ``server`` is that process; ``sagemaker`` is the API that
MiniStack lacks; ``emulator`` joins the two and mends what the loop needs of the other services.
"""
