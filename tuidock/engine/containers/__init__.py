"""Containers: what was asked, what is, and the verbs that lead from one to the other."""
