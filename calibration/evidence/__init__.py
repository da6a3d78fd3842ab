"""What parameters are estimated from: patents, elasticities, exposure regressions, co-movement."""
