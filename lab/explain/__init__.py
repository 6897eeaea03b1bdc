"""`tocsin explain`, `tocsin replay` and the tests beside packs."""
