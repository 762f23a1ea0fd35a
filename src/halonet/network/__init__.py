"""Segmentation networks, their training and their prediction of whole boxes."""
