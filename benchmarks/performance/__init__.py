"""Parts of ``make benchmark``: every stage beside its physical limit and its peers, timed in one run.

A part lists its cases and measures one of them; :mod:`performance.running` gives every case a process of its own. A
case returns rows (:func:`performance.measuring.row`) that hold what was timed and how much work was counted; the limit
follows from that work and the rates of the machine, which are parts of the same run (:mod:`performance.limits`).
"""
