"""Patents: read, chosen, classified by what they do with rare earths, and counted into panels."""
