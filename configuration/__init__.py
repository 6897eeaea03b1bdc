"""A folder of YAML and catalogues as one checked whole."""
