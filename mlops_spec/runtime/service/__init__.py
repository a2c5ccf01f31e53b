"""The online service and the batch job: typed rows in, scores out, predictions logged."""
