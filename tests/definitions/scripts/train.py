"""A model that is one number: how much it is off."""

import argparse
import json
import os
import shutil
from pathlib import Path

import inference

parser = argparse.ArgumentParser()
parser.add_argument("--off", type=float, default=0.0)
parser.add_argument("--also", type=int, default=0)  # makes another model that answers the same
args, _ = parser.parse_known_args()
model_dir = Path(os.environ["SM_MODEL_DIR"])
(model_dir / "code").mkdir(parents=True)
(model_dir / "model.json").write_text(json.dumps(vars(args)))
shutil.copy(inference.__file__, model_dir / "code" / "inference.py")
