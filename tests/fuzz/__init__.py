"""Coverage-guided fuzzing of everything that reads bytes of clients, of files, or of other programs."""
