"""The documentation; `python -m docs.build` makes what is made of the code."""
