"""The upper layer, PS3.8, sans-I/O: bytes and `now` go in; indications, bytes and a deadline come out."""
