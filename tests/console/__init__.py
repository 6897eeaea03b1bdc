"""The operators' console: its pages in a real Chromium."""
