"""The model loop as one CDK app. `cdk ls` names what it deploys: environment/model/stack."""

from ratchet_cdk.app import synth
from stacks.loop import ModelLoop

synth(ModelLoop)
