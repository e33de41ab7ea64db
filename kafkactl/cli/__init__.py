"""What a person types: one module per noun, each turning flags into a call and a result into text."""
