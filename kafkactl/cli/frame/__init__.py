"""What every command shares: flags as dataclasses, questions before a change, errors as one line and a status."""
