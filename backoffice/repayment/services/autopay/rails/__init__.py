"""How debits leave the house: signed HTTP and ISO 20022 files. Nothing here reads or writes the database."""
