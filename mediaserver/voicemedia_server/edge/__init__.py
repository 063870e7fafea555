"""What every HTTP edge shares: problem bodies, CORS, bearer tokens, clients behind proxies."""
