"""Bar charts of one run as SVG: how many times as good the library is as each peer and limit.

Called by publish.py. One panel for each workload, in two columns; all bars of a chart share one
logarithmic scale, and begin at 1x: to the right the library is better, to the left the other is.
Each colour has contrast enough on white and on nearly black (test_report.py), as the viewer of an
SVG chooses what lies behind it. All text is text.
"""

import math
from xml.sax.saxutils import escape, quoteattr

import report

TEXT = "#797979"  # as far from white as from GitHub's black
BETTER = "#2b7fc4"
WORSE = "#c8641e"
LIMIT = "#868686"
GRID = "#86868655"  # half transparent: lines that stay behind the bars

WIDTH = 960
COLUMN = 470  # of a panel
LABELS = 260  # of it, for the names
SCALE = 150  # of it, for the bars
LETTER = 6.3  # the width of a letter on average, in a wide font
LINE = 16
TOP = 74
DECADES = (-2, 4)  # no bar leaves 0.01x to 10000x; the number beside it may


def bars_of(workload, rows):
    """For each peer, from best to worst, and each limit: its name; how many times as good the
    library is; whether both were undisturbed; and the library's row that it is compared with."""
    metric = report.WORKLOADS[workload][1][0]
    bars = []
    for row in report.order(workload, rows):
        own = report.library_row(row, workload, rows)
        if report.is_library(row) or own is None:
            continue
        ours, other = rows[own][metric], rows[row][metric]
        ratio = report.times_as_good(metric, ours["median"], other["median"])
        bars.append((row, ratio, bool(ours["calm"] and other["calm"]), own))
    return bars


def domain(panels):
    """The decades that the scale spans: those of the peers. A limit's bar may be cut off."""
    ratios = [
        ratio
        for _workload, bars in panels
        for row, ratio, _calm, _own in bars
        if not report.is_limit(row) and 0 < ratio < math.inf
    ]
    low = min([math.floor(math.log10(r)) for r in ratios] + [-1])
    high = max([math.ceil(math.log10(r)) for r in ratios] + [1])
    return max(low, DECADES[0]), min(high, DECADES[1])


class Scale:
    """From a ratio to a place within the part of a panel that has the bars."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def x(self, ratio):
        decades = math.log10(ratio) if 0 < ratio < math.inf else (self.high if ratio else self.low)
        inside = min(max(decades, self.low), self.high)
        return LABELS + SCALE * (inside - self.low) / (self.high - self.low)


def text(x, y, content, extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(content)}</text>'


def label(y, row):
    """A row's name, left of its bar. A long one is condensed, so that nothing is cut off."""
    extra = ' text-anchor="end"'
    if len(row) * LETTER > LABELS - 8:
        extra += f' textLength="{LABELS - 8}" lengthAdjust="spacingAndGlyphs"'
    return text(LABELS - 8, y + 12, row, extra)


def bar(y, scale, row, ratio, calm):
    """The line of one peer: its name, its bar, and the ratio in words at the end of the bar."""
    one, end = scale.x(1), scale.x(ratio)
    if report.is_limit(row):
        colour = LIMIT
    else:
        colour = BETTER if ratio >= 1 else WORSE
    said = ("" if calm else "~") + report.ratio_text(ratio)
    left, width = min(one, end), max(abs(end - one), 1)
    return [
        label(y, row),
        f'<rect class="bar" x="{left:.1f}" y="{y + 3}" width="{width:.1f}" height="{LINE - 5}" '
        f'fill="{colour}"/>',
        text(max(one, end) + 5, y + 12, said),
    ]


def panel(workload, rows, bars, scale):
    """One workload, drawn from (0, 0). Returns its lines and its height."""
    metric = report.WORKLOADS[workload][1][0]
    title = report.WORKLOADS[workload][0].removeprefix("processes: ")
    lines = [text(0, 12, f"{workload}  {title}", ' font-weight="bold"')]
    own = dict.fromkeys(own for _row, _ratio, _calm, own in bars)
    ours = "; ".join(f"{row}: {report.number(rows[row][metric]['median'])} {metric}" for row in own)
    lines.append(text(0, 12 + LINE, ours))
    y = 2 * LINE + 4
    for decade in range(scale.low, scale.high + 1):
        x, bottom = scale.x(10.0**decade), y + LINE * len(bars)
        lines.append(f'<path d="M{x:.1f} {y}V{bottom}" stroke="{GRID}"/>')
        if decade % (1 if scale.high - scale.low <= 4 else 2) == 0:  # more have no room
            lines.append(text(x, bottom + 12, f"{10.0**decade:g}x", ' text-anchor="middle"'))
    for row, ratio, calm, _own in bars:
        lines += bar(y, scale, row, ratio, calm)
        y += LINE
    return lines, y + 2 * LINE


def place(drawn):
    """Where each panel goes: in order, always into the shorter of two columns."""
    heights, places = [TOP, TOP], []
    for _lines, height in drawn:
        column = 0 if heights[0] <= heights[1] else 1
        places.append((10 + column * (COLUMN + 10), heights[column]))
        heights[column] += height
    return places, max(heights)


def chart(title, document, kind):
    """The SVG of the workloads whose names begin with kind, or None if there are none."""
    workloads = [w for w in report.WORKLOADS if w.startswith(kind) and w in document["workloads"]]
    panels = [(w, bars_of(w, document["workloads"][w])) for w in workloads]
    panels = [(w, bars) for w, bars in panels if bars]
    if not panels:
        return None
    scale = Scale(*domain(panels))
    drawn = [panel(w, document["workloads"][w], bars, scale) for w, bars in panels]
    places, height = place(drawn)
    machine = document["machine"]
    under = f"{machine['cpu']}, Linux {machine['kernel']}, {machine['date']}, {machine['commit']}"
    said = "Right of 1x the library is better than the peer, left of it the peer is. Grey: limits."
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label={quoteattr(title)} '
        f'font-family="system-ui, sans-serif" font-size="11" fill="{TEXT}">',
        f"<title>{escape(title)}</title>",
        text(10, 22, title, ' font-size="16" font-weight="bold"'),
        text(10, 40, under),
        text(10, 56, said),
    ]
    for (x, y), (inner, _height) in zip(places, drawn):
        lines += [f'<g transform="translate({x} {y})">', *inner, "</g>"]
    return "\n".join([*lines, "</svg>"]) + "\n"
