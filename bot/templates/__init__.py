"""Exported ComfyUI workflows as templates: trace the graph, find the roles, bind values."""
