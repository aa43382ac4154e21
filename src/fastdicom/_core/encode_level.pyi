# Only what is compiled uses it.
