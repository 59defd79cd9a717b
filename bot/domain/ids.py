"""Identifiers. Each is a NewType, so that one kind is never passed where another is meant.

Opaque ids (a platform's, a server's) are parsed only by the adapter that made them.
"""

from typing import NewType

NodeId = NewType("NodeId", str)
"""A node of a ComfyUI graph; nodes that come out of subgraphs hold colons (``"86:3"``)."""

PromptId = NewType("PromptId", str)
"""One submission of one graph to one server: a lowercase hyphenated UUID that we mint."""

ClientId = NewType("ClientId", str)
"""One websocket of ours, as a ComfyUI server knows it."""

TemplateName = NewType("TemplateName", str)
"""The stem of ``workflows/<name>.json``."""
