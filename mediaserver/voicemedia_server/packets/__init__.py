"""The packet plane: one UDP socket (and ICE-TCP) for all peers, libsrtp, no task per packet.

The Python plane is the specification of what a plane does; a native one must pass its tests.
"""
