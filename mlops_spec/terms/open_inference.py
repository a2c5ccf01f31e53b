"""How calls of the Open Inference Protocol over gRPC find their model behind a router.

Every model answers the same methods and a call names its model in its body alone, which no router
reads: the caller says it once more, in the call's metadata.
"""

from __future__ import annotations

from typing import Final

GRPC_SERVICE: Final = "inference.GRPCInferenceService"
MODEL_METADATA: Final = "x-mlops-model"
