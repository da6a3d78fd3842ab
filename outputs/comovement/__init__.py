"""What a co-movement study leaves behind: datasets, tables, figures, and a section for the report."""
