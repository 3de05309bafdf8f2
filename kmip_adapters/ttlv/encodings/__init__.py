"""Items and the encodings that carry them: binary TTLV, XML and JSON, and the framing of a byte stream. No meaning."""
