"""The versions; one that was released is never changed."""
