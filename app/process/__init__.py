"""A worker process: its lifelines, options, kernels and supervisor."""
