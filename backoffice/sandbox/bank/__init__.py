"""The bank: accounts with balances, and two rails to debit them by, as docs/rails.md has it.

`records` is what the bank writes down, `books` where it keeps it, `behaviour` how it is told to behave, `teller` who
decides a debit, `night` how a day is closed. `http_rail` and `file_rail` are the two ways in; `pain`, `messages`,
`settlement`, `advices` and `notices` what is read and written on them. `pages` are the bank's own pages; `branch` is
all of it together.
"""
