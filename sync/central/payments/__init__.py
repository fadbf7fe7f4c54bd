"""Payments received once: checked, placed on accounts and bills, and the papers behind them."""
