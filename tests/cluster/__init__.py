"""A real Kubernetes of one node for the tests, from sources and Debian's packages.

Everything of it lives in namespaces of its own (`enclosure.py`): when its first process ends, so
do all daemons, pods, mounts, bridges and firewall rules. What is left is a folder and cgroups.
"""
