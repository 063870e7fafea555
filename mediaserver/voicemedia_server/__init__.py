"""The media server: answers WHIP, moves RTP packets, and says how good the calls are."""
