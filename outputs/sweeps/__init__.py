"""What a sweep says: which parameter decides, how far results spread, where they turn."""
