"""The Kubernetes objects of an environment, one topic a module; `files` names the files."""

from mlops_spec.lower.kubernetes.files import lower_kubernetes, lower_namespace

__all__ = ["lower_kubernetes", "lower_namespace"]
