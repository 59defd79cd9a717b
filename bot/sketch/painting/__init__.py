"""The painter: a procedural picture from a brief, the same for the same brief.

Pure: no clock, no global randomness, no files but the font Pillow carries.
"""

from bot.sketch.painting.brief import Brief, FloatImage
from bot.sketch.painting.enlarge import upscale
from bot.sketch.painting.stamp import stamp
from bot.sketch.painting.steps import paint

__all__ = ["Brief", "FloatImage", "paint", "stamp", "upscale"]
