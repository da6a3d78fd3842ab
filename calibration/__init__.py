"""Raw tables and YAML -> the base year: readers, the rare-earth carve-out, parameters with their sources."""

from calibration.inherit import available
from calibration.load import Calibration, load
from calibration.provenance import Parameter
from calibration.vary import vary

__all__ = ["Calibration", "Parameter", "available", "load", "vary"]
