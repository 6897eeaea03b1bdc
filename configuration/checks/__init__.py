"""What `tocsin check` finds wrong or doubtful in a configuration."""
