"""ISO 20022 messages of the file rail: collections out, status, notifications and statements in.

Every message is checked against the schema ISO publishes for it, and one that is wrong anywhere is refused whole.
"""
