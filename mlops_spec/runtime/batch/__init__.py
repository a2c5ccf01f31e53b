"""Predictions of many rows by what production serves: each row once, in little memory.

`job` does it on this machine, `spark` in the processes of a Spark cluster; docs/adr/0023 says why a
killed job can go on.
"""
