"""Draws docs/images/lifecycle.svg from the table of transitions; tests/architecture compares.

python -m tools.draw_lifecycle
"""

from pathlib import Path
from typing import Final

from kmip_core import lifecycle
from kmip_core.enums import State
from kmip_core.standard_names import standard_name

FILE: Final = Path(__file__).parents[1] / "docs" / "images" / "lifecycle.svg"

WIDTH, HEIGHT = 150, 46  # of a box
CENTRES: Final = {
    State.PRE_ACTIVE: (110, 60),
    State.ACTIVE: (420, 60),
    State.DEACTIVATED: (730, 60),
    State.COMPROMISED: (420, 210),
    State.DESTROYED: (730, 360),
    State.DESTROYED_COMPROMISED: (420, 360),
}
"""Where each box is: life goes from left to right, what is compromised is in the middle, what is destroyed below."""

BENDS: Final = {
    (State.PRE_ACTIVE, State.DESTROYED): "M 70 83 C 70 480, 600 480, 690 383",
}
"""Arrows that would cross a box, as paths of SVG."""

LABELS: Final = {
    (State.PRE_ACTIVE, State.DESTROYED): (250, 430),
}


def main() -> None:
    """Write the file."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(drawing(), "utf-8")


def drawing() -> str:
    """Return the diagram."""
    parts = [_start()]
    parts += [_arrow(state, following, event.value) for state, row in _rows() for event, following in row.items()]
    parts += [_box(state) for state in State]
    return _FRAME.format(parts="\n".join(parts))


def _rows() -> list[tuple[State, dict[lifecycle.Event, State]]]:
    return [(state, dict(row)) for state, row in lifecycle.TRANSITIONS.items()]


def _start() -> str:
    x, y = CENTRES[State.PRE_ACTIVE]
    return f'<circle cx="{x - 98}" cy="{y}" r="7"/><path d="M {x - 91} {y} L {x - WIDTH // 2 - 2} {y}" class="a"/>'


def _box(state: State) -> str:
    x, y = CENTRES[state]
    name = standard_name(state)
    width = WIDTH + (50 if len(name) > 15 else 0)
    return (
        f'<rect x="{x - width // 2}" y="{y - HEIGHT // 2}" width="{width}" height="{HEIGHT}" rx="10"/>'
        f'<text x="{x}" y="{y + 5}" class="s">{name}</text>'
    )


def _arrow(state: State, following: State, label: str) -> str:
    (x, y), (to_x, to_y) = CENTRES[state], CENTRES[following]
    if state is following:
        return (
            f'<path d="M {x - 75} {y - 8} C {x - 150} {y - 30}, {x - 150} {y + 30}, {x - 77} {y + 10}" class="a"/>'
            f'<text x="{x - 145}" y="{y + 5}" class="e" text-anchor="end">{label}</text>'
        )
    path = BENDS.get((state, following)) or _straight(x, y, to_x, to_y)
    label_x, label_y = LABELS.get((state, following), ((x + to_x) // 2, (y + to_y) // 2 - 8))
    return f'<path d="{path}" class="a"/><text x="{label_x}" y="{label_y}" class="l">{label}</text>'


def _straight(x: int, y: int, to_x: int, to_y: int) -> str:
    """Return a line from edge to edge of two boxes."""
    if y == to_y:
        side = 1 if to_x > x else -1
        wide = WIDTH // 2 + (25 if (to_x, to_y) == CENTRES[State.DESTROYED_COMPROMISED] else 0)
        return f"M {x + side * WIDTH // 2} {y} L {to_x - side * (wide + 2)} {to_y}"
    down = HEIGHT // 2 if to_y > y else -HEIGHT // 2
    if x == to_x:
        return f"M {x} {y + down} L {to_x} {to_y - down - (2 if down > 0 else -2)}"
    lean = 45 if to_x > x else -45
    return f"M {x + lean} {y + down} L {to_x - lean} {to_y - down - (2 if down > 0 else -2)}"


_FRAME: Final = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 480" role="img">
<title>Life cycle of a managed object</title>
<!-- Drawn by tools/draw_lifecycle.py from kmip_core.lifecycle.TRANSITIONS; do not edit. -->
<style>
rect {{ fill: #eef3fb; stroke: #33507d; stroke-width: 1.5 }}
text {{ font: 14px sans-serif; fill: #1b2b45 }}
.s {{ text-anchor: middle; font-weight: bold }}
.l {{ text-anchor: middle; paint-order: stroke; stroke: white; stroke-width: 4px }}
.a {{ fill: none; stroke: #33507d; stroke-width: 1.5; marker-end: url(#tip) }}
</style>
<defs><marker id="tip" markerWidth="10" markerHeight="8" refX="9" refY="4" orient="auto">
<path d="M 0 0 L 10 4 L 0 8 z" fill="#33507d"/></marker></defs>
<rect x="0" y="0" width="860" height="480" style="fill: white; stroke: none"/>
{parts}
</svg>
"""


if __name__ == "__main__":
    main()
