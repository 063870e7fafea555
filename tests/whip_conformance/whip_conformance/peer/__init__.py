"""A raw WebRTC client: full ICE, DTLS and SRTP with every step in the hands of a check.

It does what a stock client would not: restart with chosen credentials, keep the old path, vanish
without a word, offer one SRTP profile, look for handshakes that must not happen.
"""
