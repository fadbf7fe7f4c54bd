"""Listeners and the events that they are told."""
