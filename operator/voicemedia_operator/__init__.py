"""The operator: reconciles VoiceMediaServer resources into fleets of media pods."""
