"""The report: one HTML file that needs nothing else."""

from outputs.report.build import ReportRun, from_folder, render

__all__ = ["ReportRun", "from_folder", "render"]
