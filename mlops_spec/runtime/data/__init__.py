"""Rows: where they come from, what they may hold, how they are split."""
