"""The pages of autopay."""
