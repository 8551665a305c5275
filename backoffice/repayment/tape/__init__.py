"""Bringing a book in: the loan tape's format, how a tape is read, checked and staged, and how it becomes loans.

A tape is untrusted input. It is read in bounded memory into a stage (a SQLite file beside the run), every row is
checked there before the first loan is opened, and loans are opened from the stage in chunks that survive a kill.
"""
