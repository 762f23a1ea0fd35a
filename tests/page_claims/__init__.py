"""What the pages say in numbers, as the files and the code have it.

A claim is a function that yields sentences and rows of a table, with the numbers of a file of results, of a network's
folder or of the code, rounded as on the page. ``tests/docs/test_numbers.py`` looks for them on the page. Before it yields
a looser sentence ("within 5%"), a claim asserts it.
"""
