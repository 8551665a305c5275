"""How Django writes dates by itself, in each language: as `core.formats` does."""
