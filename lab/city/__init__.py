"""One made city: all lifelines under one weather, with trouble that travels between them."""
