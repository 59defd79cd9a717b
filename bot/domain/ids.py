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

RequestId = NewType("RequestId", str)
"""What one command or button asked for: ten letters and digits, drawn at random, fit for a button's id."""

JobId = NewType("JobId", str)
"""One work item of a request: ``<request id>-<index from 1>``; what people type after ``/cancel``."""

IdentityId = NewType("IdentityId", str)
"""``<platform>:<external id>``, e.g. ``discord:123``; never changes. Jobs and the ledger belong to it."""

UserId = NewType("UserId", str)
"""A person: one or more identities. Also the flow in the fair queue."""

ServerName = NewType("ServerName", str)
"""The operator's name of a ComfyUI server (``[[comfyui]] name``)."""

TierName = NewType("TierName", str)

QuotaDay = NewType("QuotaDay", str)
"""A calendar day in the operator's time zone, ``2026-11-22``."""
