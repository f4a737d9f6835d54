"""Floor 1: small pictures of measured quantities, drawn as SVG text on the server. Pure; imports the model only."""
