"""A synthetic book for a demo without data: made up by a seed, paying as the borrowers of the real sets did."""
