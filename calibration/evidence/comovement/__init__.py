"""Quantile and wavelet co-movement of time series."""
