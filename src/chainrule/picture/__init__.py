"""Runs and graphs as text and pictures."""
