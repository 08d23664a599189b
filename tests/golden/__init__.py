"""Cases as earlier releases left them in the database, and the code that reads them."""
