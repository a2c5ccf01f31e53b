"""Pages that people read: one HTML file each, without any outside part, made of these pieces."""
