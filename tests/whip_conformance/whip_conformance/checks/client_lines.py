"""Lines of RFC 9725 that no test of a server can check: they bind clients, or stay inside."""

from __future__ import annotations

from whip_conformance.requirement import Level, unchecked

CLIENT = "binds clients"

for _id, _level, _section, _text in (
    ("W5", Level.MUST_NOT, "4.1", "A client does not tie a status code to one cause."),
    ("W7", Level.MUST, "4.2", "A client posts a JSEP initial offer as application/sdp."),
    ("W17", Level.MUST, "4.2", "A client ends a session by DELETE."),
    ("W29", Level.SHOULD_NOT, "4.3.1", "A client sends no If-Match on DELETE."),
    ("W35", Level.SHOULD, "4.3.2", "A trickling client sends its offer at once."),
    ("W37", Level.MUST, "4.3.2", "A client buffers candidates until the 201 or the new tag."),
    ("W38", Level.SHOULD, "4.3.2", "A client sends buffered candidates in one PATCH."),
    ("W40", Level.MAY, "4.3.2", "A client leaves out candidates that were confirmed."),
    ("W44", Level.MUST, "4.3.3", "A client restarts with new ufrag and pwd and If-Match: *."),
    ("W52", Level.MUST, "4.3.3", "A client ignores answers to older PATCHes."),
    ("W58", Level.MUST, "4.4.2", "A client offers one MediaStream: the same msid everywhere."),
    ("W64", Level.MUST, "4.4.5", "A client implements and uses full ICE."),
    ("W68", Level.SHALL, "4.5", "A client follows redirects."),
    ("W74", Level.MAY, "4.6", "A client's own ICE servers override those of the server."),
    ("W77", Level.MUST, "4.7", "A client sends its token on all but preflights."),
):
    unchecked(_id, level=_level, section=_section, text=_text, why=CLIENT)

unchecked(
    "W78",
    level=Level.MAY,
    section="4.7",
    text="A token may stand in the URL instead; it must then not be logged.",
    why="logs cannot be seen from outside",
)
