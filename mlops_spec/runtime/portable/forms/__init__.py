"""The graph forms of scikit-learn's estimators and transformers, by the names of their classes.

A class that is not scikit-learn's own has no form here, whatever it is called: a subclass may
answer otherwise.
"""

from mlops_spec.runtime.portable.forms.lookup import FORMS

__all__ = ["FORMS"]
