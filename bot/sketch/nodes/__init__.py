"""ComfyUI's core image nodes, as this engine runs them."""
