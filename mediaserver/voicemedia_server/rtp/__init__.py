"""RTP and RTCP as bytes and integers (RFC 3550). Pure: no clock, no socket, no library."""
