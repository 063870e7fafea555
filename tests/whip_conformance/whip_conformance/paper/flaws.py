"""What the paper server can do wrong, one thing at a time."""

from __future__ import annotations

from enum import StrEnum


class Flaw(StrEnum):
    """The value says what is wrong."""

    # HTTP usage
    GET_HAS_CONTENT = "GET returns a body"
    GET_IS_200 = "GET is 200, not 204"
    GET_IS_405 = "GET is 405, as an older draft had it"
    UNKNOWN_IS_204 = "unknown sessions look alive"
    HEAD_IS_405 = "HEAD is not like GET"
    PROBLEM_LIES = "the problem's status is another than that of the response"
    PLAIN_ERRORS = "refusals are plain text"
    NO_ALLOW = "405 without Allow"
    # setup
    ANSWER_IS_TEXT = "the answer is text/plain"
    MISFITTING_ANSWER = "the answer has another mid"
    ONLY_ONE_SECTION = "offers of two sections are refused"
    NEEDS_MUX_ONLY = "offers without rtcp-mux-only are refused"
    NEEDS_CANDIDATES = "offers without candidates are refused"
    NO_LOCATION = "201 without Location"
    LOST_LOCATION = "Location leads nowhere"
    RELATIVE_LOCATION = "Location is relative to the path"
    STEERED_LOCATION = "anybody's X-Forwarded-Host goes into Location"
    DEAF_TO_PROXY = "Location ignores the trusted proxy"
    ANY_CONTENT_TYPE = "any content type is taken"
    REFUSALS_ARE_418 = "every refusal is 418"
    REFUSALS_ARE_500 = "every refusal is 500"
    PEDANTIC_TYPES = "content types with parameters are refused"
    LENIENT_SDP = "malformed SDP is taken"
    TAKES_ANY_DIRECTION = "recvonly and inactive offers are taken"
    REFUSES_SENDRECV = "sendrecv offers are refused"
    ANSWERS_SENDRECV = "the answer is sendrecv"
    ECHO_CHANGES_TIME = "the echo has other timestamps"
    NO_CANDIDATES = "the answer has no candidates"
    SLOW_ANSWERS = "one answer takes long"
    OPEN_END = "the answer has no end-of-candidates"
    # endings
    IMMORTAL = "vanished clients are never noticed"
    IMPATIENT = "live clients are taken for vanished ones"
    DEAF_TO_CLOSE = "close_notify is ignored"
    DELETE_DOES_NOTHING = "DELETE answers and does nothing"
    DELETE_IS_204 = "DELETE is 204"
    SILENT_END = "a session ends without close_notify"
    TALKS_ON = "media goes on after the end"
    CONSENTS_ON = "checks get success after the end"
    NEVER_FREES = "sessions that nobody connects to stay"
    # CORS
    NO_CORS = "no CORS at all"
    NARROW_CORS = "CORS for POST alone"
    NO_ACCEPT_POST = "OPTIONS without Accept-Post"
    OPTIONS_IS_204 = "OPTIONS is 204"
    EXPOSES_LOCATION = "only Location is exposed"
    # PATCH
    ANY_PATCH_TYPE = "any content type is taken by PATCH"
    LENIENT_FRAGMENTS = "malformed fragments are taken"
    UNSUPPORTED_IS_500 = "an unsupported restart is 500"
    ONE_TAG = "every ICE session has the same tag"
    WEAK_TAG = "the tag is weak"
    NO_TAG = "the 201 has no tag"
    DELETE_WANTS_TAG = "DELETE checks If-Match"
    NO_TAG_NEEDED = "a PATCH needs no If-Match"
    ANY_TAG = "any tag matches"
    WEAK_MATCHES = "weak tags match"
    NO_LISTS = "If-Match is read as one tag"
    NO_QUOTED_STAR = "a quoted star is a tag like others"
    # trickle
    PEDANTIC_FRAGMENTS = "fragments need ice-options and a group"
    NEEDS_MEDIA_LINE = "fragments need m= and mid"
    ANY_MID = "fragments for unknown mids are taken"
    TRICKLE_HAS_TAG = "the 204 has an ETag"
    STRANGE_IS_400 = "candidates that cannot be used are refused"
    NO_END_OF_CANDIDATES = "end-of-candidates is refused"
    # restart
    RESTART_BY_STAR = "only `*` means a restart"
    KEEPS_PASSWORD = "a restart keeps the password"
    RESTART_IS_TEXT = "the answer to a restart is text/plain"
    OLD_TAG_LIVES = "the tag stays after a restart"
    STAYS = "media goes on to the old address after a restart"
    OLD_CREDENTIALS_LIVE = "old credentials get success for ever"
    LOSES_OPTIONS = "the answer to a restart has no ice-options"
    REFUSAL_KILLS = "a refused restart ends the session"
    RESTART_KILLS_OLD = "an accepted restart ends the old ICE session at once"
    RESTART_IS_IMMORTAL = "after a restart consent never expires"
    TAG_OF_FIRST = "of overlapping restarts all tags stay good"
    OVERTAKEN_LIVES = "an overtaken restart still gets success"
    NEW_SSRC = "a restart changes the SSRC"
    # WebRTC
    NO_BUNDLE = "the answer has no BUNDLE group"
    NO_MUX = "the answer has no rtcp-mux"
    NO_MUX_ONLY = "the answer has no rtcp-mux-only"
    TAKES_ONE_TRACK = "of two tracks one is rejected"
    TAKES_ONE_STREAM = "of two streams one is rejected"
    PARTIAL_ANSWERS = "a section of unknown codecs is rejected, the rest answered"
    ANSWERS_ACTPASS = "the answer is actpass"
    ANSWERS_ACTIVE = "the answer is active"
    PASSIVE_TO_PASSIVE = "a passive offer is answered passive"
    OTHER_HASH = "the fingerprint is of SHA-384"
    FALSE_FINGERPRINT = "the fingerprint is another certificate's"
    ANY_CERTIFICATE = "any client's certificate is taken"
    NO_SRTP = "DTLS agrees on no SRTP profile"
    ANY_CHECK = "checks are answered whoever signed them"
    KNOWS_ALL_ATTRIBUTES = "unknown attributes are an error"
    SIMULCAST_SENDS = "the answer's simulcast is `send`"
    RIDS_BREAK = "rids on audio are an error of the server"
    # load balancing, ICE servers
    REDIRECTS_BY_302 = "a POST is redirected by 302"
    REDIRECTS_SESSIONS = "the session URL is redirected"
    DRAIN_IS_500 = "a draining server answers 500"
    FULL_WITHOUT_HINT = "503 without Retry-After"
    ESCAPED_LINK = "the ? of a TURN URI is escaped"
    SHARED_CREDENTIALS = "all clients get the same TURN credentials"
    LINKS_ON_PREFLIGHT = "a preflight names ICE servers"
    # auth
    NO_CHALLENGE = "401 without a challenge"
    NO_REALM = "the challenge has no realm"
    NO_ERROR_CODE = "the challenge has no error"
    PICKY_SCHEME = "the scheme's case matters"
    PREFLIGHT_NEEDS_TOKEN = "a preflight needs a token"
    OPEN_SESSIONS = "session requests need no token"
    SHARED_SESSIONS = "anybody's token is good for a session"
    # extensions, security
    BAD_RELATION = "a Link has a relation type that is a path"
    EXTENSION_REQUIRED = "DELETE wants an extension's header"
    COUNTED_URLS = "session URLs are counted"
    LIMIT_WITHOUT_HINT = "429 without Retry-After"
    NO_LIMITS = "nothing is limited"
    ALL_AT_ONCE = "everybody is told the same time to come back"


FOUND_BY: dict[Flaw, tuple[str, ...]] = {
    Flaw.GET_HAS_CONTENT: ("W1", "W2"),
    Flaw.GET_IS_200: ("W1-204", "W2-204"),
    Flaw.GET_IS_405: ("W1", "W2", "W9"),
    Flaw.UNKNOWN_IS_204: ("W2-unknown", "W18", "W30"),
    Flaw.HEAD_IS_405: ("W3",),
    Flaw.PROBLEM_LIES: ("W4",),
    Flaw.PLAIN_ERRORS: ("W4-members",),
    Flaw.NO_ALLOW: ("W6",),
    Flaw.ANSWER_IS_TEXT: ("W8",),
    Flaw.MISFITTING_ANSWER: ("W8", "W8-pion", "W13"),
    Flaw.ONLY_ONE_SECTION: ("W8-obs", "W8-ffmpeg-active"),
    Flaw.NEEDS_MUX_ONLY: ("W57-offer", "W8-chromium", "W8-chromium-gathered", "W8-firefox"),
    Flaw.NEEDS_CANDIDATES: ("W34", "W8", "W8-firefox"),
    Flaw.NO_LOCATION: ("W9", "W8-gstreamer", "W8-firefox-gathered"),
    Flaw.LOST_LOCATION: ("W9",),
    Flaw.RELATIVE_LOCATION: ("W9-absolute",),
    Flaw.STEERED_LOCATION: ("W9-forwarded",),
    Flaw.DEAF_TO_PROXY: ("W9-forwarded",),
    Flaw.ANY_CONTENT_TYPE: ("W10", "W10-415"),
    Flaw.REFUSALS_ARE_418: (
        "W10-415",
        "W11-400",
        "W11-413",
        "W12-422",
        "W24-415",
        "W25-400",
        "W31",
        "W32",
        "W39-mid",
        "W59",
        "W59-422",
        "W59-streams",
        "W60",
        "W60-422",
        "W6",
    ),
    Flaw.REFUSALS_ARE_500: ("W10", "W11", "W12", "W24", "W25", "W65", "W65-fingerprint"),
    Flaw.PEDANTIC_TYPES: ("W10-tolerance", "W24-415"),
    Flaw.LENIENT_SDP: ("W11",),
    Flaw.TAKES_ANY_DIRECTION: ("W12", "W12-422"),
    Flaw.REFUSES_SENDRECV: ("W13",),
    Flaw.ANSWERS_SENDRECV: ("W14",),
    Flaw.ECHO_CHANGES_TIME: ("W14-echo",),
    Flaw.NO_CANDIDATES: ("W36", "W16"),
    Flaw.SLOW_ANSWERS: ("W36-fast",),
    Flaw.OPEN_END: ("W36-complete",),
    Flaw.IMMORTAL: ("W15", "W51"),
    Flaw.IMPATIENT: ("W15-live",),
    Flaw.DEAF_TO_CLOSE: ("W16",),
    Flaw.DELETE_DOES_NOTHING: ("W18", "W18-200", "W30"),
    Flaw.DELETE_IS_204: ("W18-200",),
    Flaw.SILENT_END: ("W18-transport",),
    Flaw.TALKS_ON: ("W19",),
    Flaw.CONSENTS_ON: ("W19-stun",),
    Flaw.NEVER_FREES: ("W87",),
    Flaw.NO_CORS: ("W20", "W22"),
    Flaw.NARROW_CORS: ("W20", "W20-all"),
    Flaw.NO_ACCEPT_POST: ("W21",),
    Flaw.OPTIONS_IS_204: ("W21-200",),
    Flaw.EXPOSES_LOCATION: ("W22", "W22-all"),
    Flaw.ANY_PATCH_TYPE: ("W24",),
    Flaw.LENIENT_FRAGMENTS: ("W25", "W25-400"),
    Flaw.UNSUPPORTED_IS_500: ("W26", "W23"),
    Flaw.ONE_TAG: ("W27", "W47"),
    Flaw.WEAK_TAG: ("W27", "W28"),
    Flaw.NO_TAG: ("W28",),
    Flaw.DELETE_WANTS_TAG: ("W30",),
    Flaw.NO_TAG_NEEDED: ("W31",),
    Flaw.ANY_TAG: ("W32", "W32-weak"),
    Flaw.WEAK_MATCHES: ("W32-weak",),
    Flaw.NO_LISTS: ("W32-list",),
    Flaw.NO_QUOTED_STAR: ("W33",),
    Flaw.PEDANTIC_FRAGMENTS: ("W39",),
    Flaw.NEEDS_MEDIA_LINE: ("W39-session-level",),
    Flaw.ANY_MID: ("W39-mid",),
    Flaw.TRICKLE_HAS_TAG: ("W41",),
    Flaw.STRANGE_IS_400: ("W42",),
    Flaw.NO_END_OF_CANDIDATES: ("W43",),
    Flaw.RESTART_BY_STAR: ("W45",),
    Flaw.KEEPS_PASSWORD: ("W46",),
    Flaw.RESTART_IS_TEXT: ("W46",),
    Flaw.OLD_TAG_LIVES: ("W47",),
    Flaw.STAYS: ("W48",),
    Flaw.OLD_CREDENTIALS_LIVE: ("W48-old",),
    Flaw.LOSES_OPTIONS: ("W49",),
    Flaw.REFUSAL_KILLS: ("W50",),
    Flaw.RESTART_KILLS_OLD: ("W50-unused",),
    Flaw.RESTART_IS_IMMORTAL: ("W51",),
    Flaw.TAG_OF_FIRST: ("W53",),
    Flaw.OVERTAKEN_LIVES: ("W53-winner",),
    Flaw.NEW_SSRC: ("W54",),
    Flaw.NO_BUNDLE: ("W55",),
    Flaw.NO_MUX: ("W56",),
    Flaw.NO_MUX_ONLY: ("W57",),
    Flaw.TAKES_ONE_TRACK: ("W59", "W59-422"),
    Flaw.TAKES_ONE_STREAM: ("W59-streams",),
    Flaw.PARTIAL_ANSWERS: ("W60", "W60-422"),
    Flaw.ANSWERS_ACTPASS: ("W61",),
    Flaw.ANSWERS_ACTIVE: ("W61-passive",),
    Flaw.PASSIVE_TO_PASSIVE: ("W62",),
    Flaw.OTHER_HASH: ("W65-sha-256",),
    Flaw.FALSE_FINGERPRINT: ("W65-sha-256", "W64-stock"),
    Flaw.ANY_CERTIFICATE: ("W65-impostor",),
    Flaw.NO_SRTP: ("W65-aes128-cm-sha1-80", "W65-aead-aes-128-gcm", "W65-aead-aes-256-gcm"),
    Flaw.ANY_CHECK: ("W65-forged",),
    Flaw.KNOWS_ALL_ATTRIBUTES: ("W65-unknown",),
    Flaw.SIMULCAST_SENDS: ("W79",),
    Flaw.RIDS_BREAK: ("W79-audio",),
    Flaw.REDIRECTS_BY_302: ("W66", "W67"),
    Flaw.REDIRECTS_SESSIONS: ("W69",),
    Flaw.DRAIN_IS_500: ("W70",),
    Flaw.FULL_WITHOUT_HINT: ("W70-capacity",),
    Flaw.ESCAPED_LINK: ("W71", "W72"),
    Flaw.SHARED_CREDENTIALS: ("W71-credentials",),
    Flaw.LINKS_ON_PREFLIGHT: ("W73",),
    Flaw.NO_CHALLENGE: ("W75", "W76"),
    Flaw.NO_REALM: ("W75-realm",),
    Flaw.NO_ERROR_CODE: ("W75-invalid", "W75-scope"),
    Flaw.PICKY_SCHEME: ("W75-scheme",),
    Flaw.PREFLIGHT_NEEDS_TOKEN: ("W75-preflight",),
    Flaw.OPEN_SESSIONS: ("W76",),
    Flaw.SHARED_SESSIONS: ("W76-other",),
    Flaw.BAD_RELATION: ("W80",),
    Flaw.EXTENSION_REQUIRED: ("W81",),
    Flaw.COUNTED_URLS: ("W84",),
    Flaw.LIMIT_WITHOUT_HINT: ("W83", "W85", "W86"),
    Flaw.NO_LIMITS: ("W83", "W85", "W86"),
    Flaw.ALL_AT_ONCE: ("W83-spread",),
}
"""Which checks must fail for a flaw; others may fail too."""
