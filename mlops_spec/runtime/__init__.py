"""What rendered flows and services import. Knows nothing of the compiler; imports lazily."""
