"""Audiences and campaigns: their lists and pages, the editors, and the verbs behind confirm panels."""
