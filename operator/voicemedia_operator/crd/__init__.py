"""Makes the CRD and its page from the models in `spec/`; no part of the running operator."""
