"""The equations and the solver: arrays in, arrays out. No files, no labels, no printing."""
