"""How messages leave the house: signed HTTP and SMTP. Nothing here reads or writes the database."""
