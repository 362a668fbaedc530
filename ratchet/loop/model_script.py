"""The functions of a model's inference script, called as SageMaker's containers call them.

``model_fn``, then for each request ``input_fn``, ``predict_fn`` and ``output_fn``, or
``transform_fn`` instead of the three. How they are called and what they are handed follows
SageMaker's inference toolkit (aws/sagemaker-inference-toolkit, ``transformer.py``), which the
XGBoost container serves with. Endpoints and judging both call them here. The standard library is
all that it imports, so the model's own imports are most of a start.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

_TEXT_TYPES = {"application/json", "text/csv"}
_ANY = {"", "*/*"}
_DEFAULT_ACCEPT = "application/json"


class ModelScript:
    """The script's functions around the loaded model.

    Raises:
        AttributeError: it has no model_fn.
    """

    def __init__(self, script: ModuleType, model_dir: str) -> None:
        self._script = script
        load = getattr(script, "model_fn", None)
        if load is None:
            raise AttributeError(f"{script.__file__} has no model_fn(model_dir)")
        self._model = load(model_dir)
        self._transform: Callable[..., Any] = getattr(script, "transform_fn", None) or self._steps

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Body and content type of the answer to one request; raises what the script raises."""
        if accept in _ANY:
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", _DEFAULT_ACCEPT)
        data = body.decode() if content_type.split(";")[0] in _TEXT_TYPES else body
        result = self._transform(self._model, data, content_type, accept)
        answer, answered_type = result if isinstance(result, tuple) else (result, accept)
        return answer.encode() if isinstance(answer, str) else bytes(answer), str(answered_type)

    def _steps(self, model: Any, data: Any, content_type: str, accept: str) -> Any:
        script = self._script
        return script.output_fn(
            script.predict_fn(script.input_fn(data, content_type), model), accept
        )
