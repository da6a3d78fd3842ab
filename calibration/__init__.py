"""Raw tables and YAML -> the base year: readers, the rare-earth carve-out, parameters with their sources."""

from calibration.load import Calibration, Parameter, load

__all__ = ["Calibration", "Parameter", "load"]
