"""Figures and report."""
