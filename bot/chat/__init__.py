"""Front-ends: each makes a chat platform's ways into those of the service, and back."""
