"""Hands the pictures, motion and calibration of Aria glasses to Lazarillo; docs/ring.md, "Bridges"."""
