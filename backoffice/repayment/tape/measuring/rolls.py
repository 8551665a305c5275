"""Flow and roll rates of a monthly delinquency record: the Taiwanese credit cards, six month ends of 30,000 clients.

State 0 and below is M0 (used within terms), n is n months past due. The record jumps from M0 to M2 before September
(a quirk of the source), so entry is M0 to anything past due. Weights: count of clients, and their statement balance.
"""

from collections import Counter
from decimal import Decimal
from pathlib import Path

from backoffice.repayment.tape.adapters.writing import read_source
from backoffice.repayment.tape.measuring.rates import Rate

FOLDER = "uci_credit_card_taiwan"
SOURCE = "uci_taiwan"
# April to September.
STATES = ("PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0")
BALANCES = ("BILL_AMT6", "BILL_AMT5", "BILL_AMT4", "BILL_AMT3", "BILL_AMT2", "BILL_AMT1")
DEEPEST = 6
Card = tuple[list[int], list[Decimal]]


def read_cards(folder: Path) -> list[Card]:
    """State (0 to 6, 6 is M6 and beyond) and balance (never negative) at each month end, per client."""
    cards: list[Card] = []
    for row in read_source(folder / FOLDER, "clients.csv.gz"):
        states = [min(max(int(row[name]), 0), DEEPEST) for name in STATES]
        balances = [max(Decimal(row[name]), Decimal(0)) for name in BALANCES]
        cards.append((states, balances))
    return cards


def flow_rates(cards: list[Card]) -> list[Rate]:
    """M41, tracked per client from month end to month end: deeper, and back to M0."""
    at_risk: Counter[int] = Counter()
    deeper: Counter[int] = Counter()
    cured: Counter[int] = Counter()
    weights: dict[int, list[Decimal]] = {state: [Decimal(0)] * 3 for state in range(DEEPEST)}
    for states, balances in cards:
        for before, after, balance in zip(states, states[1:], balances, strict=False):
            if before >= DEEPEST:
                continue
            at_risk[before] += 1
            deeper[before] += after > before
            cured[before] += before > 0 and after == 0
            weights[before][0] += balance
            weights[before][1] += balance if after > before else 0
            weights[before][2] += balance if before > 0 and after == 0 else 0
    rates: list[Rate] = []
    for state in range(DEEPEST):
        going = f"M{state} to deeper" if state else "M0 to any past due"
        total = Decimal(at_risk[state])
        rates.append(Rate("M41", going, SOURCE, "count", Decimal(deeper[state]), total))
        rates.append(Rate("M41", going, SOURCE, "amount", weights[state][1], weights[state][0]))
        if state:
            rates.append(Rate("M41", f"M{state} back to M0", SOURCE, "count", Decimal(cured[state]), total))
            rates.append(Rate("M41", f"M{state} back to M0", SOURCE, "amount", weights[state][2], weights[state][0]))
    return rates


def roll_matrix(cards: list[Card]) -> list[Rate]:
    """M42 at the end of June: worst state of three months back against worst state of the three months after.

    The record has six months, so the windows are three months instead of the usual six.
    """
    pairs: Counter[tuple[int, int]] = Counter()
    for states, _balances in cards:
        pairs[max(states[:3]), max(states[3:])] += 1
    rates: list[Rate] = []
    for before in range(DEEPEST + 1):
        total = sum(count for (past, _next), count in pairs.items() if past == before)
        for after in range(DEEPEST + 1):
            name = f"worst M{before} then worst M{after}"
            rates.append(Rate("M42", name, SOURCE, "count", Decimal(pairs[before, after]), Decimal(total)))
    return rates
