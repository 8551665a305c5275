"""Autopay over the API."""
