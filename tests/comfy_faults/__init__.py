"""The client against everything that a server, a proxy or a network does wrong.

The embedded engine does the right thing behind a proxy that does the wrong one; a gate holds its slow
sampler at a step, so that faults strike exactly where the test says. States that no healthy server gets
into come from a scripted one.
"""
