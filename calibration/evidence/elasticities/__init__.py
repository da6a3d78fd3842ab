"""The elasticity of substitution of rare earths, estimated from the direction of innovation (E18 of
docs/model.md).
"""
