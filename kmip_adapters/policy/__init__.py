"""Operation policies: the built-in ones, and those of PyKMIP's JSON files, reloaded while the server runs."""
