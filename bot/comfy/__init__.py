"""Adapter for a ComfyUI server: pure wire types and run state, an HTTP client, a websocket session."""
