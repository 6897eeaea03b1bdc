"""The page of the operations centre: what is open, and how it is answered."""
