"""WebSocket v2: Twilio's Media Streams, and a superset of it that is agreed on by subprotocol.

`messages` is the wire, `formats` the audio on it, `packets` its way to RTP and back, `protocol`
what both sides may say and when: all without a socket. `outbox` bounds what waits for a slow
client, `routes` is the aiohttp shell.
"""
