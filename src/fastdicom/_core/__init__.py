"""The compiled core: what walks bytes, and the socket loop."""
