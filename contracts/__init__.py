"""The nouns that cross a door between rooms; no input or output happens here."""
