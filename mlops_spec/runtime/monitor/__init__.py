"""What production sees against what was trained on, and what follows from it."""
