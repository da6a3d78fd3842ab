"""Raw tables and parameters, checked and turned into the base year the model starts from."""
