"""`tocsin tune`: figures of rules that keep a budget."""
