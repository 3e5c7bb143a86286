"""Matrices as a kernel reads them: what the formats of the fleet mean, row by row."""

import numpy as np

from lanework.machines.fleet.matrices.formats import Format, from_half
from lanework.machines.fleet.matrices.maps import ONE, Row, pattern


def evaluate(row, words):
    """What a row makes of vectors."""
    total = None
    with np.errstate(all="ignore"):
        for column, bits in row.terms:
            if column == len(words) - 1:
                term = np.full(words.shape[1], bits, np.uint32).view(np.float32)
            elif bits == ONE:
                term = words[column].view(np.float32)
            else:
                term = np.uint32(bits).view(np.float32) * words[column].view(np.float32)
            total = term if total is None else total + term
    if total is None:
        return np.zeros(words.shape[1], np.uint32)
    return total.view(np.uint32).copy()


def apply(encoded, number, words):
    """A matrix times vectors: the reference of all kernels."""
    out = words.copy()
    old = out if encoded.format(number) is Format.ROWS else words
    for row in stored(encoded, number):
        out[row.element] = evaluate(row, old)
    return out


def stored(encoded, number):
    """The rows of a matrix as its words have them, read as a kernel reads them."""
    return (_stored_rows if encoded.format(number) is Format.ROWS else _stored_blocks)(
        encoded, number
    )


def _stored_rows(encoded, number):
    _, at, length, count = (int(word) for word in encoded.table[number])
    words, half = (encoded.words.data, encoded.half(number))
    rows = [Row(0, ((0, ONE), (encoded.profile.length - 1, pattern(length))))]
    for _ in range(count):
        element, many = (words[at] & 65535, words[at] >> 16)
        at += 1
        terms = []
        for _ in range(many):
            term = (words[at] >> 16, from_half(words[at] & 65535)) if half else None
            terms.append(term or (words[at], words[at + 1]))
            at += 1 if half else 2
        rows.append(Row(element, tuple(terms)))
    return rows


def _stored_blocks(encoded, number):
    """Of dense, csr with blocks of one element, and bsr."""
    _, at, _, count = (int(word) for word in encoded.table[number])
    words, n, half = (encoded.words.data, encoded.profile.length, encoded.half(number))

    def value(start, i):
        if half:
            return from_half(words[start + i // 2] >> 16 * (i % 2) & 65535)
        return words[start + i]

    if encoded.format(number) is Format.DENSE:
        return [Row(r, _terms((c, value(at, r * n + c)) for c in range(n))) for r in range(n)]
    side = encoded.format(number).block
    first = at + -(-n // side) + 1
    rows = []
    for r in range(n):
        block, inside = divmod(r, side)
        terms = []
        for p in range(words[at + block], words[at + block + 1]):
            begin = (p - first) * side * side + inside * side
            terms += [(words[p] * side + c, value(first + count, begin + c)) for c in range(side)]
        rows.append(Row(r, _terms(iter(terms))))
    return rows


def _terms(pairs):
    return tuple(((column, bits) for column, bits in pairs if bits))
