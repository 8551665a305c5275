"""The outside world to develop against: the home of a bank rail and of message gateways, as a process of their own.

The product speaks to it over HTTP like to any partner. It imports nothing of the product and the product imports
nothing of it. No rail and no gateway stands here yet; `catalogue.py` is where each one registers.
"""
