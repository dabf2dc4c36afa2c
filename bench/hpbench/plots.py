# SPDX-License-Identifier: MIT
"""Pictures of the results, by gnuplot: SVG, and PNG on request."""
import os
import shutil
import subprocess

from .report import PSEUDO

TERMINALS = {"svg": "svg size 900,%d font 'sans,12' background 'white'",
             "png": "pngcairo size 900,%d font 'sans,10'"}
# name, title, in units of, [(metric, words)]
BARS = (
    ("tcp1", "TCP, one stream, Gbit/s", 1, (("tcp1", "median"),)),
    ("udp64", "UDP, 64 octets, thousand datagrams a second", 1e3,
     (("udp64", "at most 1 % lost"), ("udp64_flood", "arriving in a flood"))),
    ("cpu_per_gb", "CPU seconds per GB, daemons of both ends", 1, (("cpu_per_gb", "median"),)),
)
# name, title, table, [keys], logarithmic y
LINES = (
    ("scale-flows-ns", "Flows: nanoseconds an operation", "flows",
     ("setup_ns", "lookup_ns", "lookup_single_ns", "pipe_ns", "expire_ns"), True),
    ("scale-flows-bytes", "Octets per flow", "flows", ("bytes_per_flow",), False),
    ("scale-associations", "Associations set up a second", "associations",
     ("setup_per_s",), False),
    ("scale-associations-bytes", "Octets per association", "associations",
     ("bytes_per_association",), False),
)


class PlotError(Exception):
    """gnuplot is missing or has failed."""


def quoted(text):
    """A string of gnuplot: in single quotes, where only the quote itself is special."""
    return "'" + text.replace("'", "''") + "'"


def bar_data(methods, names, metrics, unit):
    """A line for each method: where it stands, its values, NaN where there is none."""
    rows = []
    for i, name in enumerate(names):
        medians = [methods[name].get(metric, {}).get("median") for metric, _ in metrics]
        rows.append([float(-i)] + [float("nan") if m is None else m / unit for m in medians])
    return rows


def bars(metrics):
    """What gnuplot plots: for each metric boxes side by side, and the figures as words."""
    step = 1.0 / (len(metrics) + 0.5)
    parts = []
    for j, (_, words) in enumerate(metrics):
        column = j + 2
        middle = "$1-(%f)" % (step * (j - (len(metrics) - 1) / 2))
        parts.append("$data using ($%d/2):(%s):($%d/2):(%f) with boxxyerror title %s"
                     % (column, middle, column, step / 2 * 0.95, quoted(words)))
        parts.append("$data using %d:(%s):(sprintf(' %%.4g', $%d)) with labels left notitle"
                     % (column, middle, column))
    return ", ".join(parts)


def bar_script(methods, title, unit, metrics):
    """Horizontal bars, the first method on top, or None when there is nothing to show."""
    names = [n for n in methods if n not in PSEUDO and any(m in methods[n] for m, _ in metrics)]
    if not names:
        return None
    rows = bar_data(methods, names, metrics, unit)
    most = max(value for row in rows for value in row[1:] if value == value)
    tics = ", ".join("%s %d" % (quoted(name), -i) for i, name in enumerate(names))
    lines = ["$data << EOD"] + [" ".join("%g" % value for value in row) for row in rows] + [
        "EOD", "set title " + quoted(title), "set ytics noenhanced (%s)" % tics,
        # Room for the figures at the right.
        "set xrange [0:%g]" % (most * 1.12 or 1),
        "set yrange [%f:0.7]" % (-len(names) + 0.3), "set grid x", "set style fill solid 0.8",
        "set key " + ("outside bottom center horizontal" if len(metrics) > 1 else "off"),
        "plot " + bars(metrics)]
    return "\n".join(lines), 120 + 26 * len(names) * len(metrics) ** 0.5


def line_script(rows, title, keys, logarithmic):
    rows = sorted((row for row in rows or [] if "n" in row), key=lambda row: row["n"])
    keys = [key for key in keys if any(row.get(key) is not None for row in rows)]
    if not rows or not keys:
        return None
    lines = ["$data << EOD"]
    for row in rows:
        lines.append(" ".join(str(row.get(key, "NaN")) if row.get(key) is not None else "NaN"
                              for key in ["n"] + keys))
    lines += ["EOD", "set title " + quoted(title), "set logscale x", "set format x '10^{%L}'",
              "set xlabel 'in the table'", "set grid", "set key outside bottom center horizontal",
              "set logscale y" if logarithmic else "set yrange [0:*]"]
    lines.append("plot " + ", ".join(
        "$data using 1:%d with linespoints title %s noenhanced" % (i + 2, quoted(key))
        for i, key in enumerate(keys)))
    return "\n".join(lines), 480


def draw(script, height, kind, path):
    text = "set terminal %s\nset output %s\n%s\n" % (
        TERMINALS[kind] % height, quoted(path), script)
    done = subprocess.run(["gnuplot"], input=text, text=True, capture_output=True, timeout=60,
                          check=False)
    if done.returncode != 0 or not os.path.exists(path) or os.path.getsize(path) == 0:
        raise PlotError("gnuplot: %s: %s" % (os.path.basename(path), done.stderr.strip()))
    return path


def scripts(result):
    """(name, (script, height) or None) for each picture."""
    for name, title, unit, metrics in BARS:
        yield name, bar_script(result["methods"], title, unit, metrics)
    scale = result.get("scale") or {}
    for name, title, table, keys, logarithmic in LINES:
        yield name, line_script(scale.get(table), title, keys, logarithmic)


def to_plots(folder, result, png=False):
    """Draws all that there are figures for; the paths of the SVGs."""
    if shutil.which("gnuplot") is None:
        raise PlotError("gnuplot is not installed: apt-get install gnuplot-nox")
    os.makedirs(folder, exist_ok=True)
    drawn = []
    for name, what in scripts(result):
        if what is None:
            continue
        drawn.append(draw(*what, "svg", os.path.join(folder, name + ".svg")))
        if png:
            draw(*what, "png", os.path.join(folder, name + ".png"))
    return drawn
