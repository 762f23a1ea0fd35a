"""The Python interface: what ``import halonet`` offers, arrays in, arrays or a catalogue out."""
