"""Tests of what is made from the figures: ratios, tables, charts, and the files of --publish.

Run by the check `bench-report` of `./run test`. Nothing is measured: the figures are made up, and
each test says what must come out of them.
"""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

import plot
import publish
import report
import run

HERE = os.path.dirname(os.path.abspath(__file__))
SVG = "{http://www.w3.org/2000/svg}"
BACKGROUNDS = {"white": "#ffffff", "nearly black": "#0d1117"}

# (workload, row, metric, the values of one process, the share of the machine that others took)
RUNS = [
    ("T1", "cfutures", "Mtask/s", [10, 12, 14], 0.0),
    ("T1", "cfutures", "Mtask/s", [90], 0.5),
    ("T1", "slow & <simple>", "Mtask/s", [3], 0.0),
    ("T1", "middling", "Mtask/s", [6], 0.0),
    ("T1", "quick", "Mtask/s", [24], 0.5),
    ("T1", "limit: ring", "Mtask/s", [48], 0.0),
    ("T1", "limit: ring", "cpu_us/task", [0.1], 0.0),
    ("T2", "cfutures", "p50_us", [8], 0.0),
    ("T2", "other", "p50_us", [4], 0.0),
    ("T2", "limit: futex", "p50_us", [2], 0.0),
    ("T5", "lonely", "ns/call", [5], 0.0),
    ("P4", "cfutures fork", "ms", [1], 0.0),
    ("P4", "cfutures spawn", "ms", [5], 0.0),
    ("P4", "Python fork", "ms", [4], 0.0),
    ("P4", "Python spawn", "ms", [40], 0.0),
    ("P4", "Python loky", "ms", [60], 0.0),
    ("P4", "limit: one process, fork", "ms", [0.5], 0.0),
    ("P4", "limit: one process, spawn", "ms", [1], 0.0),
]


def made_up():
    """A document as figures.json has it."""
    figures = report.Figures()
    for workload, row, metric, values, share in RUNS:
        lines = [f"R\t{workload}\t{row}\t{metric}\t{value}" for value in values]
        figures.add_output("\n".join([*lines, "a line that is no figure"]), share)
    return {
        "machine": {
            "cpu": "A processor",
            "cpus": 2,
            "usable_cpus": 2,
            "kernel": "6.1",
            "date": "2020-02-02 20:20:20 +0000",
            "commit": "abcdef012345",
        },
        "options": {"rounds": 3, "workers": 2, "fib": 22, "only": None},
        "programs": {"cfutures": "0.1.0", "quick": "7"},
        "left_out": ["bench-gone: it is not there"],
        "workloads": figures.summary(),
        "seconds": {"T1": 2.4, "T2": 3.0, "P4": 7.0},
        "processes": [{"foreign_share": 0.5}, {"foreign_share": 0.0}],
        "failures": ["quick, T9: exit code 3"],
    }


class Ratios(unittest.TestCase):
    def setUp(self):
        self.workloads = made_up()["workloads"]

    def first(self, workload, row):
        return self.workloads[workload][row][report.WORKLOADS[workload][1][0]]

    def test_disturbed_processes_count_only_without_others(self):
        self.assertEqual(self.first("T1", "cfutures")["median"], 12)
        self.assertEqual(self.first("T1", "cfutures")["max"], 14)
        self.assertEqual(self.first("T1", "cfutures")["processes"], 2)
        self.assertEqual(self.first("T1", "quick")["median"], 24)
        self.assertEqual(self.first("T1", "quick")["calm"], 0)

    def test_a_median_is_taken_over_processes(self):
        runs = [([1, 1, 1, 1, 1], 0.0), ([5], 0.0), ([7], 0.0)]
        self.assertEqual(report.cell(runs)["median"], 5)

    def test_a_ratio_above_1_is_better_whatever_the_figure(self):
        self.assertEqual(self.first("T1", "cfutures")["ratio"], 0.5)
        self.assertEqual(self.first("T1", "quick")["ratio"], 1)
        self.assertEqual(self.first("T2", "cfutures")["ratio"], 0.5)
        self.assertEqual(self.first("T1", "cfutures")["of_limit"], 0.25)
        self.assertEqual(self.first("T2", "cfutures")["of_limit"], 0.25)

    def test_only_peers_are_the_best_peer(self):
        self.assertEqual(report.best_peer("T1", self.workloads["T1"]), "quick")
        self.assertEqual(report.best_peer("T5", self.workloads["T5"]), "lonely")
        self.assertIsNone(report.best_peer("T2", {"cfutures": self.workloads["T2"]["cfutures"]}))

    def test_rows_that_end_alike_are_compared(self):
        self.assertEqual(self.first("P4", "cfutures fork")["of_limit"], 0.5)
        self.assertEqual(self.first("P4", "cfutures spawn")["of_limit"], 0.2)
        for row, own in [("Python spawn", "spawn"), ("Python fork", "fork"), ("loky", "fork")]:
            found = report.library_row(row, "P4", self.workloads["P4"])
            self.assertEqual(found, f"cfutures {own}")


class Tables(unittest.TestCase):
    def setUp(self):
        self.rows = made_up()["workloads"]["T1"]
        self.ordered = ["cfutures", "quick", "middling", "slow & <simple>", "limit: ring"]

    def test_the_library_comes_first_and_losing_rows_stay(self):
        lines = report.table("T1", self.rows)
        names = [line[2 : 2 + len("slow & <simple>")].strip() for line in lines[2:-1]]
        self.assertEqual(names, self.ordered)
        self.assertIn("(Mtask/s: more is better)", lines[0])
        self.assertRegex(lines[2], r"cfutures +12 +\[10\.\.14\] +- +1/2 +0\.50x +0\.25x$")
        self.assertRegex(lines[3], r"quick +~24 +.* 0/1 +1\.00x +0\.50x$")
        self.assertEqual(lines[-1], "  ratio: to the best peer, quick; above 1 is better")

    def test_markdown_has_the_same_cells(self):
        lines = report.markdown("T1", self.rows)
        self.assertEqual(lines[0], "## " + report.heading("T1").replace("  ", " "))
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:-2]]
        expected = report.grid("T1", self.rows)
        expected[1][0] = "**cfutures**"
        self.assertEqual([cells[0], *cells[2:]], expected)
        self.assertEqual(cells[1], ["---", *["---:"] * (len(expected[0]) - 1)])

    def test_without_a_limit_there_is_no_column_for_it(self):
        rows = made_up()["workloads"]["T5"]
        self.assertEqual(report.grid("T5", rows)[0][-1], "ratio")

    def test_numbers_keep_three_digits(self):
        for value, said in ((1234.6, "1235"), (99.96, "100"), (0.01234, "0.0123")):
            self.assertEqual(report.number(value), said)
        for value, said in ((123.4, "123x"), (1.236, "1.24x"), (0.01234, "0.0123x")):
            self.assertEqual(report.ratio_text(value), said)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class Charts(unittest.TestCase):
    def setUp(self):
        self.document = made_up()
        self.root = ET.fromstring(plot.chart("Of <threads>", self.document, "T"))

    def texts(self):
        return [element.text for element in self.root.iter(f"{SVG}text")]

    def bars(self):
        """{name: (x, width, colour, text at its end)}, by the elements around each bar."""
        found = {}
        for group in self.root.iter(f"{SVG}g"):
            elements = list(group)
            for i, element in enumerate(elements):
                if element.get("class") == "bar":
                    x, width = float(element.get("x")), float(element.get("width"))
                    said = elements[i + 1].text
                    found[elements[i - 1].text] = (x, width, element.get("fill"), said)
        return found

    def test_each_peer_and_limit_of_a_workload_with_the_library_has_a_bar(self):
        ratios = {name: bar[3] for name, bar in self.bars().items()}
        self.assertEqual(
            ratios,
            {
                "quick": "~0.50x",
                "middling": "2.00x",
                "slow & <simple>": "4.00x",
                "limit: ring": "0.25x",
                "other": "0.50x",
                "limit: futex": "0.25x",
            },
        )
        self.assertNotIn("lonely", self.texts())

    def test_a_bar_begins_at_1x_and_its_side_says_who_is_better(self):
        bars = self.bars()
        ones = {bars[name][0] for name in ("middling", "slow & <simple>")}
        ones |= {sum(bars[name][:2]) for name in ("quick", "limit: ring")}
        one = min(ones)
        for other in ones:
            self.assertAlmostEqual(other, one, delta=0.11)
        # A scale of logarithms: twice as far for the square.
        self.assertAlmostEqual(bars["slow & <simple>"][1], 2 * bars["middling"][1], delta=0.2)
        self.assertAlmostEqual(bars["quick"][1], bars["middling"][1], delta=0.2)
        colours = [bars[name][2] for name in ("middling", "quick", "limit: ring")]
        self.assertEqual(colours, [plot.BETTER, plot.WORSE, plot.LIMIT])

    def test_the_chart_says_what_was_measured_where(self):
        texts = self.texts()
        self.assertIn("A processor, Linux 6.1, 2020-02-02 20:20:20 +0000, abcdef012345", texts)
        self.assertIn("T1  " + report.WORKLOADS["T1"][0], texts)
        self.assertIn("cfutures: 12 Mtask/s", texts)
        self.assertEqual(self.root.get("aria-label"), "Of <threads>")

    def test_nothing_lies_outside(self):
        width, height = float(self.root.get("width")), float(self.root.get("height"))
        for group in self.root.iter(f"{SVG}g"):
            left, top = map(float, group.get("transform")[10:-1].split())
            for element in group.iter(f"{SVG}rect"):
                x, y = float(element.get("x")), float(element.get("y"))
                self.assertLessEqual(plot.LABELS, x)
                self.assertLessEqual(left + x + float(element.get("width")), width)
                self.assertLessEqual(top + y + float(element.get("height")), height)

    def test_a_long_name_is_condensed(self):
        room = plot.LABELS / plot.LETTER
        self.assertNotIn("textLength", plot.label(0, "n" * int(room / 2)))
        long = ET.fromstring(plot.label(0, "n" * int(room * 2)))
        self.assertEqual(long.get("text-anchor"), "end")
        self.assertLessEqual(float(long.get("textLength")), float(long.get("x")))

    def test_every_colour_is_readable_on_light_and_dark(self):
        self.assertEqual(self.root.get("fill"), plot.TEXT)
        used = {element.get("fill") for element in self.root.iter() if element.get("fill")}
        self.assertEqual(used, {plot.TEXT, plot.BETTER, plot.WORSE, plot.LIMIT})
        for colour in used:
            for name, background in BACKGROUNDS.items():
                least = 4.3 if colour == plot.TEXT else 3
                self.assertGreaterEqual(contrast(colour, background), least, f"{colour}, {name}")

    def test_rows_alike_are_compared_in_charts_too(self):
        self.root = ET.fromstring(plot.chart("Processes", self.document, "P"))
        said = {name: bar[3] for name, bar in self.bars().items()}
        self.assertEqual(said["Python fork"], "4.00x")
        self.assertEqual(said["Python spawn"], "8.00x")
        self.assertEqual(said["Python loky"], "60.00x")
        self.assertEqual(said["limit: one process, spawn"], "0.20x")

    def test_extreme_ratios_stay_on_the_scale(self):
        scale = plot.Scale(-1, 2)
        self.assertEqual(scale.x(1e9), plot.LABELS + plot.SCALE)
        self.assertEqual(scale.x(math.inf), plot.LABELS + plot.SCALE)
        self.assertEqual(scale.x(0), plot.LABELS)
        self.assertEqual(scale.x(1e-9), plot.LABELS)

    def test_without_the_library_there_is_no_chart(self):
        rows = self.document["workloads"]["T2"]
        self.document["workloads"] = {"T2": {"other": rows["other"]}}
        self.assertIsNone(plot.chart("Nothing", self.document, "T"))


class Publishing(unittest.TestCase):
    def run_script(self, *arguments):
        command = [sys.executable, "-B", os.path.join(HERE, "run.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_figures_are_drawn_again_from_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            first, again = os.path.join(folder, "first"), os.path.join(folder, "again")
            names = publish.publish(first, made_up())
            self.assertEqual(names, ["figures.json", "table.md", "threads.svg", "processes.svg"])
            source = os.path.join(first, "figures.json")
            done = self.run_script("--from", source, "--publish", again)
            self.assertEqual(done.stderr, "")
            self.assertEqual(done.returncode, 1, "a run with failures fails again")
            for line in report.table("P4", made_up()["workloads"]["P4"]):
                self.assertIn(line, done.stdout)
            for name in names:
                with open(os.path.join(first, name), encoding="utf-8") as one:
                    with open(os.path.join(again, name), encoding="utf-8") as other:
                        self.assertEqual(one.read(), other.read(), name)

    def test_the_page_has_all_tables_and_says_how_it_came_to_be(self):
        page = publish.page(made_up())
        for workload in ("T1", "T2", "T5", "P4"):
            rows = made_up()["workloads"][workload]
            self.assertIn("\n".join(report.markdown(workload, rows)), page)
        for part in (
            "A processor, 2 of 2 CPUs usable, Linux 6.1, 2020-02-02 20:20:20 +0000, "
            "commit abcdef012345",
            "cfutures 0.1.0, quick 7",
            "left out: bench-gone: it is not there",
            "12 s: threads 5 s (T1 2, T2 3), processes 7 s (P4 7)",
            "processes: 2; disturbed, as others took more than 6% of the machine: 1",
            "FAILED: quick, T9: exit code 3",
        ):
            self.assertIn(f"- {part}", page)

    def test_the_short_table_has_the_best_of_both_and_losing_rows(self):
        text = f"before\n{publish.BEGIN}\nan old table\n{publish.END}\nbehind\n"
        written = publish.with_short_table(text, made_up())
        self.assertTrue(written.startswith(f"before\n{publish.BEGIN}\n"), written)
        self.assertTrue(written.endswith(f"{publish.END}\nbehind\n"), written)
        self.assertNotIn("old", written)
        lines = written.split("\n")
        self.assertIn(
            "| a million tasks, submitted and collected | 12 million/s | ~24 million/s, quick | 0.50x |",
            lines,
        )
        self.assertIn("| round trip of one task | 8 µs | 4 µs, other | 0.50x |", lines)
        self.assertIn(
            "| processes: a new pool and its first result | 1 ms | 4 ms, Python fork | 4.00x |", lines
        )
        self.assertNotIn("lonely", written, "there is nothing of the library beside it")
        self.assertIn("Figures with a ~", written)

    def test_the_table_of_the_readme_is_that_of_the_published_figures(self):
        figures = publish.load(os.path.join(run.PUBLISHED, "figures.json"))
        with open(run.README, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text, publish.with_short_table(text, figures), "./run bench --from ... --publish")

    def test_only_a_whole_run_is_published(self):
        self.assertEqual(run.parse_args(["--publish"]).publish, run.PUBLISHED)
        for arguments in (["--quick"], ["--only", "T1"], ["--rounds", "2"]):
            said = io.StringIO()
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(said):
                run.parse_args(["--publish", "somewhere", *arguments])
            self.assertIn("--publish takes the whole set", said.getvalue())

    def test_a_choice_of_workloads(self):
        self.assertEqual(run.choose_workloads("T2"), ["T2"])
        self.assertEqual(run.choose_workloads("T4,T1"), ["T4a", "T4b", "T1"])
        self.assertEqual(run.choose_workloads(None), list(report.WORKLOADS))
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            run.choose_workloads("T9")

    def test_figures_are_json(self):
        with tempfile.TemporaryDirectory() as folder:
            publish.publish(folder, made_up())
            with open(os.path.join(folder, "figures.json"), encoding="utf-8") as file:
                self.assertEqual(json.load(file), made_up())


if __name__ == "__main__":
    unittest.main()
