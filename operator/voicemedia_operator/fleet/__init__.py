"""The media pods' own word and the fleet's flags: their admin ports, Redis, and Prometheus.

What does not answer is no error here but something that was seen: plans go on without it.
"""
