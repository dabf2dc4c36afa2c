# SPDX-License-Identifier: MIT
"""The results as JSON, as a table for the terminal and as Markdown."""
import json
import os

# Tables: heading, then columns of (metric, heading, format, in units of).
TABLES = (
    ("TCP, Gbit/s received", (
        ("tcp1", "1 stream", "%.2f", 1), ("tcp4", "4 streams", "%.2f", 1),
        ("tcp_rev", "reverse", "%.2f", 1), ("tcp_bidir", "both ways", "%.2f", 1),
        ("forward", "small window, one core", "%.2f", 1),
        ("forward64", "Mpps of a processor, forwarded", "%.3f", 1e6))),
    ("UDP, thousand datagrams a second: the most with at most 1 % lost, what arrives in a flood", (
        ("udp64", "64 octets", "%.1f", 1e3), ("udp64_flood", "64, flood", "%.1f", 1e3),
        ("udp1200", "1200 octets", "%.1f", 1e3), ("udp1200_flood", "1200, flood", "%.1f", 1e3))),
    ("Latency, CPU, memory", (
        ("ping_median", "ping, ms", "%.3f", 1), ("ping_p95", "ping p95, ms", "%.3f", 1),
        ("first_packet_ms", "first packet, ms", "%.2f", 1),
        ("cpu_per_gb", "CPU s per GB", "%.2f", 1), ("rss_mb", "RSS, MB", "%.1f", 1))),
)
# Figures of no method: row, metric, words.
OTHERS = (
    ("exchange", "bex_responder", "base exchanges a second and core, responder"),
    ("exchange", "bex_initiator", "base exchanges a second and core, initiator"),
    ("flows1m", "peak_rss_mb_1m", "peak RSS with 1M flows, MB"),
    ("flows1m", "flows_per_s", "flows a second while they are set up"),
)
PSEUDO = {row for row, _, _ in OTHERS}


def to_json(path, result):
    """Written beside and renamed: a reader never sees half of it."""
    text = json.dumps(result, indent=1, allow_nan=False) + "\n"
    with open(path + ".part", "w", encoding="utf-8") as out:
        out.write(text)
    os.replace(path + ".part", path)


# --- grids of cells --------------------------------------------------------------------

def cell(summary, form, unit=1):
    """The median, with smallest and largest when there are several samples."""
    if summary is None:
        return "-"
    text = form % (summary["median"] / unit)
    if len(summary["samples"]) > 1:
        text += " (%s-%s)" % (form % (summary["min"] / unit), form % (summary["max"] / unit))
    return text


def grids(methods):
    """(heading, rows of cells) for each table that has figures."""
    for heading, columns in TABLES:
        used = [c for c in columns if any(c[0] in methods[m] for m in methods)]
        rows = [[name] + [cell(methods[name].get(metric), form, unit)
                         for metric, _, form, unit in used]
                for name in methods
                if name not in PSEUDO and any(c[0] in methods[name] for c in used)]
        if rows:
            yield heading, [["method"] + [column[1] for column in used]] + rows


def other_grid(result):
    rows = [[words, cell(result["methods"][row][metric], "%.4g")]
            for row, metric, words in OTHERS if metric in result["methods"].get(row, {})]
    return [["other figures", ""]] + rows if rows else None


def number(value):
    return "-" if value is None else "%.3g" % value if abs(value) < 1000 else "%.0f" % value


def ratio_grid(result):
    rows = [[key, number(value) if value is not None else
             "- " + result["skipped"].get(key, "not measured")]
            for key, value in result["ratios"].items()]
    return [["ratio, median of interleaved pairs", ""]] + rows


def goal_grid(result):
    said = {True: "met", False: "NOT MET", None: "not measured"}
    return [["goal", "figure", ""]] + [
        [goal["goal"], number(goal["figure"]), said[goal["met"]]] for goal in result["goals"]]


def scale_grids(result):
    for what, rows in (result.get("scale") or {}).items():
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            continue
        keys = list(rows[0])
        yield "Scale: " + what, [keys] + [[number(row.get(key)) for key in keys] for row in rows]


def micro_grid(result):
    rows = [[row["name"], number(row.get("ns")),
             number(row["bytes"] / row["ns"]) if row.get("bytes") and row.get("ns") else "-"]
            for row in result.get("micro") or [] if "name" in row]
    return [["operation", "ns", "GB/s"]] + rows if rows else None


def all_grids(result):
    """Everything in the order in which it is shown: (heading, grid)."""
    yield from grids(result["methods"])
    others = other_grid(result)
    if others:
        yield None, others
    yield from scale_grids(result)
    micro = micro_grid(result)
    if micro:
        yield "Micro-benchmarks", micro
    yield "Ratios", ratio_grid(result)
    yield "Goals", goal_grid(result)


def skipped_lines(result):
    """What was left out, without the ratios, which say it themselves."""
    return ["%s: %s" % pair for pair in result["skipped"].items()
            if pair[0] not in result["ratios"]]


# --- terminal --------------------------------------------------------------------------

def aligned(grid):
    widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip()
                     for row in grid)


def to_text(result):
    parts = []
    for heading, grid in all_grids(result):
        parts.append((heading + "\n" if heading else "") + aligned(grid))
    skipped = skipped_lines(result)
    if skipped:
        parts.append("Skipped\n" + "\n".join(skipped))
    return "\n\n".join(parts) + "\n"


# --- Markdown --------------------------------------------------------------------------

def md_table(grid):
    rows = ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in grid]
    return "\n".join([rows[0], "|" + "---|" * len(grid[0])] + rows[1:])


def md_machine(machine):
    lines = []
    for key, value in machine.items():
        if isinstance(value, dict):
            value = ", ".join("%s %s" % pair for pair in value.items() if pair[1])
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        lines.append("- %s: %s" % (key, "not told by this machine" if value is None else value))
    return "\n".join(lines)


def to_markdown(path, result, plots):
    """`plots`: paths of pictures, linked relative to the folder of the file."""
    folder = os.path.dirname(os.path.abspath(path))
    parts = ["# Measurements", md_machine(result["machine"]),
             "Medians over rounds, with the smallest and the largest sample. Engine: %s. "
             "Rows `NAME/physical`: no offloads on the tunnel's link." % result["engine"]]
    for heading, grid in all_grids(result):
        parts += (["## " + heading] if heading else []) + [md_table(grid)]
    for plot in plots:
        name = os.path.splitext(os.path.basename(plot))[0]
        parts.append("![%s](%s)" % (name, os.path.relpath(os.path.abspath(plot), folder)))
    skipped = skipped_lines(result)
    if skipped:
        parts.append("## Skipped\n\n" + "\n".join("- " + line for line in skipped))
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n\n".join(parts) + "\n")
