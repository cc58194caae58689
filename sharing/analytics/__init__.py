"""What follows from published figures: calibration, discrimination, stability, rankings. Pure functions of plain values."""
