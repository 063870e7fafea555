"""Who hears whom: publications, their subscriptions, and how a packet is rewritten. Pure."""
