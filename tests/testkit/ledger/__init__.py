"""What tests of the ledger share: a store in memory, records, and a judge of another make."""
