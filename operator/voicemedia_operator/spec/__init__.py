"""PURE: the resource VoiceMediaServer as models, the only source of the CRD and of its page."""
