"""A tamper-evident record of what was told and done: a Merkle tree with signed checkpoints."""
