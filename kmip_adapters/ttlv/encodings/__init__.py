"""Items and the encodings that carry them: binary TTLV and XML, and the framing of a byte stream. No meaning."""
