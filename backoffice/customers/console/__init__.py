"""The record of a borrower: personal data put right, duplicates folded together."""
