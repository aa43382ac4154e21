"""What each request means, PS3.4: one file an annex."""
