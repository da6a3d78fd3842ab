"""Settings for all tests."""

import os

# Before NumPy and matplotlib load: tests run in parallel processes and draw on no screen.
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
os.environ["MPLBACKEND"] = "Agg"

from hypothesis import HealthCheck, settings  # noqa: E402

# No deadlines: a busy machine is no fault of the code. Every run draws the same examples; EXPLORE=1 draws new ones.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
settings.register_profile("explore", **_COMMON)
settings.register_profile("same", derandomize=True, **_COMMON)
settings.load_profile("explore" if os.environ.get("EXPLORE") else "same")
