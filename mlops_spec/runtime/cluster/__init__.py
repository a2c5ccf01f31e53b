"""A Kubernetes cluster, through its API server: apply, wait, explain, split traffic, prune."""
