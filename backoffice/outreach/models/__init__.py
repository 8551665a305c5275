"""Packs of rules, the contact log, consents, messages, plans, campaigns and experiments."""
