"""Physics that is known is asked: every input, and what a network predicts, is held against what it must be.

A check compares one number of the input with what cosmology, settings or the network say, and refuses what cannot be.
Its message names the number and the remedy; ``--outside-validity`` turns the refusal into a note in the output.
"""
