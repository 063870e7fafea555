"""Audio in another form, for sessions that ask: RTP to PCM and back, other codecs, other rates.

The only room that knows PyAV and libopus. Nothing here runs in the packet path: a tap puts
packets into a bounded queue, threads of this room do the work, an inlet takes the result. Its
figures are read by whoever scrapes; it knows neither HTTP nor sessions.
"""
