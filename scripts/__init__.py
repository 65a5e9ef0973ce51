"""Chores of the house: set-up, the tables of the README, screenshots."""
