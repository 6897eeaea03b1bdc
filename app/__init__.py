"""Configuration, composition and the tocsin command."""
