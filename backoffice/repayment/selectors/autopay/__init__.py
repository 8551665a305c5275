"""Reads of autopay."""
