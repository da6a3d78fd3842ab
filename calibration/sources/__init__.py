"""One reader per source of raw tables; each gives plain arrays with labels and never touches the network."""
