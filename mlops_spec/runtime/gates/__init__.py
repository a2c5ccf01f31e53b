"""Gates: evidence on a candidate, and a verdict for every rule."""
