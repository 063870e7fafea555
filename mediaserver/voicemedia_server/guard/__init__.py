"""The guard of a rollout, for fleets without Kubernetes: counts and takes back."""
