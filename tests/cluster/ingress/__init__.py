"""A small ingress controller for the tests' own cluster: nginx, configured from Ingress objects."""
