"""Records of words, and what all kernels write alike."""

from __future__ import annotations

from lanework.engines.llvm.ir import Writer


class Kernel:
    """Writes one kernel for blocks of so many lanes."""

    def __init__(self, name: str, width: int, lanes: int) -> None:
        width = min(width, lanes)
        self.w = Writer(width)
        self.name, self.width, self.vectors = name, width, lanes // width
        self.kind, self.lanes = f"<{width} x double>", lanes
        self.integer, self.mask = f"<{width} x i64>", f"<{width} x i1>"
        self.w.label("entry")

    def word(self, word: int, kind: str = "ptr") -> str:
        """A word of the record."""
        at = self.w.emit(f"getelementptr i64, ptr %record, i64 {int(word)}")
        return self.w.emit(f"load {kind}, ptr {at}, !invariant.load !0")

    def entry(self, base: str, entry: str, n: int) -> str:
        """The address of a vector of an entry of a tensor that lies in order."""
        first = self.w.emit(f"mul i64 {entry}, {self.lanes}")
        return self.at(base, self.w.emit(f"add i64 {first}, {n * self.width}"))

    def load(self, base: str, entry: str, n: int) -> str:
        """A vector of an entry."""
        return self.w.emit(f"load {self.kind}, ptr {self.entry(base, entry, n)}, align 8")

    def store(self, value: str, base: str, entry: str, n: int) -> None:
        """Write a vector of an entry."""
        self.w.line(f"store {self.kind} {value}, ptr {self.entry(base, entry, n)}, align 8")

    def at(self, base: str, offset: str | int) -> str:
        """An address, so many numbers further."""
        return self.w.emit(f"getelementptr double, ptr {base}, i64 {offset}")

    def offset(self, offsets: str, index: str | int) -> str:
        """A number of a list."""
        at = self.w.emit(f"getelementptr i32, ptr {offsets}, i64 {index}")
        return self.w.emit(f"zext i32 {self.w.emit(f'load i32, ptr {at}')} to i64")

    def splat(self, name: str, kind: str = "double") -> str:
        """One number in all lanes."""
        return self.w.splat(name, kind)

    def select(self, condition: str, yes: str, no: str) -> str:
        """A choice by lane."""
        return self.w.emit(f"select {self.mask} {condition}, {self.kind} {yes}, {self.kind} {no}")

    def begin(self, loop: str, index: str = "i", before: str = "entry") -> None:
        """The beginning of a loop, which `again` ends; it comes after the block `before`."""
        self.w.line(f"br label %{loop}")
        self.w.label(loop)
        self.w.line(f"%{index} = phi i64 [ 0, %{before} ], [ %{index}.next, %{loop} ]")

    def again(self, index: str, count: str, loop: str, after: str) -> None:
        """The end of a loop over ``0 <= index < count``."""
        self.w.line(f"%{index}.next = add i64 %{index}, 1")
        self.w.line(f"%{index}.more = icmp ult i64 %{index}.next, {count}")
        self.w.line(f"br i1 %{index}.more, label %{loop}, label %{after}")

    def finish(self) -> str:
        """The function, at whose exit nothing is left to do; it begins with a line of the cache."""
        self.w.label("exit")
        self.w.line("ret void")
        body = "\n".join(self.w.lines)
        head = f"define void @{self.name}(ptr %record, i64 %block) nounwind #0 align 64"
        return f"{head} {{\n{body}\n}}\n"
