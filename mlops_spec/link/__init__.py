"""Documents to a project: references resolved, policies merged, facts across documents checked."""
