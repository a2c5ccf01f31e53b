"""The model card: one page on one run, made of what its steps have recorded (docs/adr/0057)."""
