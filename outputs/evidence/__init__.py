"""What the estimation of parameters leaves behind: tables, figures, a summary."""
