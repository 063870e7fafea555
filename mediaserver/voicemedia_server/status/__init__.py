"""How the server is: health, readiness, figures, the page, and the local admin port."""
