"""``python -m halonet`` is the command ``halonet``."""

from halonet.command.main import main

if __name__ == "__main__":
    main()
