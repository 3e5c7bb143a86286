"""What every runner is: a program bound to an engine, called with inputs."""

from __future__ import annotations

from typing import Self


class Runner:
    """A program ready to run; also a context, at whose end it gives back what it holds."""

    def close(self) -> None:
        """Give back what the engine holds; a later call takes it again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
