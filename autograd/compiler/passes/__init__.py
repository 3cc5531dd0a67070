"""From a function to a program: each pass makes the next form of it.

`trace.py` records the operations on stand-ins; `simplify.py` writes some of them out in others;
`group.py` puts equal operations together, into steps on whole arrays; `activity.py` says which
steps a derivative has to go through. No code is written here.
"""
