"""`python -m lanework` is the `lanework` command."""

from lanework.app.cli import main

if __name__ == "__main__":
    main()
