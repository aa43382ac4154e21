"""Conversations of PS3.4 above the single DIMSE calls: who asks what when, and what the answers mean."""
