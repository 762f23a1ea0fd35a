"""Halo finding: from the fields that a network predicts to haloes, by one of several finders.

A finder is a folder (``paper``, ``fitted``, ``votes``): its module ``finder`` has a class that finds, ``calibrate`` a
function that calibrates, with the interfaces of ``method``. ``table`` and ``calibrations`` register them by the name
that settings give the finder; ``FINDERS`` of :mod:`halonet.settings.haloes` names the settings that hold its
constants.
Nothing else tells finders apart. What they share: ``inputs``, ``constants``, ``calibration_boxes``, ``score``,
``haloes``.
"""
