"""The explorer: a page on this computer that solves the model again at every change of a control."""
