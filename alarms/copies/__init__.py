"""What the desk remembers, copied for a snapshot while the desk goes on."""
