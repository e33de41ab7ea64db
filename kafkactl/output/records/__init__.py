"""Records as text: the forms that console-consumer prints, and lines that could not be delivered."""
