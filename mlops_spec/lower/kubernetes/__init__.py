"""The Kubernetes objects of an environment, one topic a module; `files` names the files."""

from mlops_spec.lower.kubernetes.files import lower_environment, lower_kubernetes

__all__ = ["lower_environment", "lower_kubernetes"]
