"""What benchmark scripts share: claims, traffic, references, peers."""
