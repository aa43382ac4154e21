"""Sockets, threads and the clock."""
