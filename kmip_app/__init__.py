"""kmipd: the server, its command line and its configuration."""
