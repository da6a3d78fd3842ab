"""Metrics of the base year: intensity, substitutability, exposure, network; tables and figures."""
