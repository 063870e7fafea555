"""Other people's servers, doing the same work, for the same table."""
