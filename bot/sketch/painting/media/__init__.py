"""Media: ways to render the reference picture, as a painter would in oil, ink or tesserae."""
