"""What is installed is known without being imported."""

import sklearn

from mlops_spec.load.installed import installed


def test_the_version_of_a_library_is_what_it_says_itself() -> None:
    assert installed("scikit-learn") == sklearn.__version__


def test_what_is_not_there_has_no_version() -> None:
    assert installed("no-such-distribution") is None
