"""Did exports, productivity and patents move with exposure to rare earths? Regressions on data and on the
model alike.
"""
