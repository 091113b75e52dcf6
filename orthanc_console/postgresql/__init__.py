"""PostgreSQL as Django's own backend has it, but for a pool that outlives restarts of the server."""
