"""Entry point of `python -m kafkactl`."""

from kafkactl.cli.app import main

if __name__ == "__main__":
    main()
