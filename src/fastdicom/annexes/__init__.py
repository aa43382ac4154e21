"""The service classes of PS3.4, one file an annex: what a SOP class may be asked, what the answers mean."""
