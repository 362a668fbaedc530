"""SageMaker's API over a persistent store, as far as the model loop and its users need it.

Requests are checked against botocore's service model and answers are cut to its output shapes,
so boto3 and CloudFormation cannot tell the difference. Nothing here knows MiniStack: ``ports``
names what an emulator has to provide.
"""
