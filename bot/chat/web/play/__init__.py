"""The playground: a page on which people paint together, as they do in chats."""
