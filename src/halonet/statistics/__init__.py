"""Comparison of predicted and true haloes."""
