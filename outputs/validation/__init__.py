"""The model held against what happened from 2009 to 2018, and what parameters the facts would ask for."""
