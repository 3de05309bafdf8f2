"""PostgreSQL and the engines that speak its protocol: `backend`, what it is made of, and how its tables are made."""
