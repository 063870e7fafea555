"""The Kubernetes API: the only room that talks to it, by the asynchronous official client.

What comes out of here are documents as JSON has them, and errors of our own.
"""
