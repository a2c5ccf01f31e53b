"""What flows between the stages: nouns only. No I/O, no YAML, no templates."""
