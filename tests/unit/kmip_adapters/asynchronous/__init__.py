"""What runs operations that are answered later."""
