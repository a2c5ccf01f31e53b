"""Gate self-test: do the gates stop what they should, and nothing for no reason?"""
