"""What notebooks show of posteriors."""

from __future__ import annotations

from collections.abc import Sequence

from lanework.core.result.show import figure, markup

BAR = 120  # the width of a bar for a probability of one


def posterior_page(rows: Sequence[tuple[str, list[str], list[float]]], caption: str) -> str:
    """A table with a bar for each state of each variable, which has the colour of the text."""
    body = []
    for name, states, values in rows:
        for number, (state, value) in enumerate(zip(states, values, strict=True)):
            head = f"<th rowspan={len(states)}>{markup(name)}</th>" if number == 0 else ""
            share = min(max(value, 0.0), 1.0)
            bar = (
                f'<div style="width:{BAR * share:.0f}px;height:0.8em;background:currentColor;'
                'opacity:0.5"></div>'
            )
            body.append(
                f"<tr>{head}<td>{markup(state)}</td><td>{markup(figure(value))}</td>"
                f'<td style="text-align:left">{bar}</td></tr>'
            )
    head = "<thead><tr><th>variable</th><th>state</th><th>probability</th><th></th></tr></thead>"
    return (
        f"<table><caption>{markup(caption)}</caption>{head}<tbody>{''.join(body)}</tbody></table>"
    )
