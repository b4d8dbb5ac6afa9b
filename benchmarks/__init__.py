"""What measures speed. Every figure is a ratio against a baseline that was measured in the same run on the same machine."""
