"""DIMSE messages, PS3.7; sans-I/O."""
