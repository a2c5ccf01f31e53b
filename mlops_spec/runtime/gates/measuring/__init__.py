"""Measuring what gates ask about a model beside its answers, and the record of it."""
