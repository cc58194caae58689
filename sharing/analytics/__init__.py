"""What follows from published figures: calibration, discrimination, stability, rankings.

`reading` fetches what a person may see; everything else is a function of plain values.
"""
