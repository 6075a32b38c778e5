"""The record of a launch for people: one self-contained page, a ticked checklist, and the same as data."""
