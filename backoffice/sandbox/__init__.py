"""The outside world to develop against: the home of a bank rail and of message gateways, as a process of their own.

The product speaks to it over HTTP and SMTP like to any partner. It imports nothing of the product and the product
imports nothing of it: what both must agree on is written in docs/gateways.md. `catalogue.py` is where each one stands.
"""
