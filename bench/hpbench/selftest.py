# SPDX-License-Identifier: MIT
"""Tests of the arithmetic, the order and the reports, with methods that only pretend."""
import contextlib
import io
import json
import os
import signal
import sys
import tempfile
import threading
import time
import unittest
from collections import OrderedDict

from . import cli, plots, ratios, report, schedule
from .stats import Samples, summary

PEERS = ("wireguard-go", "nebula", "openvpn", "stunnel")


class FakeFailure(Exception):
    pass


class FakeMethod:
    def __init__(self, name, missing=None, broken=None):
        self.name = name
        self.kind = {"plain": "plain", "passthrough": "hip", "gated": "hip", "stunnel": "tcp-proxy"}.get(
            name, "vpn" if name in PEERS else "hip")
        self.tcp_only = name == "stunnel"
        self.hip = object() if self.kind == "hip" and name not in ("passthrough", "gated") else None
        self.packages = ()
        self.why = missing
        self.broken = broken
        self.is_up = self.was_physical = False

    def missing(self):
        return self.why

    def up(self):
        if self.broken:
            raise FakeFailure(self.broken)
        self.is_up = True

    def down(self):
        self.is_up = False

    def physical(self, on):
        self.was_physical = self.was_physical or on


SPEED = {"plain": 20.0, "passthrough": 20.0, "gated": 20.0, "stunnel": 2.0, "wireguard-go": 0.25, "nebula": 1.0,
         "openvpn": 0.8, "proxy-native-mb": 1.0, "proxy-udp-openssl": 2.5}


class FakeBackend:
    """Answers at once; `calls` says what was asked."""

    Failure = FakeFailure

    def __init__(self, missing=None, broken=None, failing=()):
        self.calls = []
        self.cleaned = 0
        self.failing = dict(failing)
        names = ["plain", "passthrough", "gated"]
        names += ["%s-%s-%s" % (role, way, engine) for role in ("host", "proxy", "gateways")
                  for way in ("udp", "native") for engine in ("mb", "openssl")]
        names += ["proxy-udp-mb-plugins", "thesis"] + list(PEERS)
        self.fakes = OrderedDict((name, FakeMethod(name, (missing or {}).get(name),
                                                   (broken or {}).get(name))) for name in names)

    def all_methods(self, _build, _workdir):
        return self.fakes

    def measure(self, method, group, seconds, opts):
        assert method.is_up and seconds >= 0
        self.calls.append((method.name, group))
        times = self.failing.get((method.name, group), 0)
        if times:
            self.failing[(method.name, group)] = times - 1
            raise FakeFailure("fell over")
        speed = SPEED.get(method.name, 4.0)
        if group == "tcp1":
            return {"tcp1": speed, "cpu_per_gb": 0.8}
        if group.startswith("udp"):
            return {group: speed * 1e5, group + "_flood": speed * 1e5 if opts["flood"] else None}
        if group == "ping":
            return {"ping_median": 1 / speed, "ping_p95": 2 / speed}
        return 1.5

    def base_exchanges(self, _build):
        return {"bex_responder": 4500.0, "bex_initiator": 3000.0}

    def million_flows(self, _build, _workdir):
        raise FakeFailure("no memory")

    def run(self, argv, timeout_s):
        raise FakeFailure("nothing runs here")

    def machine(self, _build):
        return {"cpu": "none", "cores": 2, "versions": {"openssl": "3"}}

    def build_dir(self, args):
        return args.build or "nowhere"

    def cleanup_all(self):
        self.cleaned += 1


def run(backend, *argv):
    """cli.main without root: status, result, standard output, standard error."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.json")
        out, err = io.StringIO(), io.StringIO()
        args = cli.parse(["--json", path] + list(argv))
        before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = cli.guarded(args, backend)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        result = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                result = json.load(f)
        return status, result, out.getvalue(), err.getvalue()


class Statistics(unittest.TestCase):
    def test_a_summary_has_median_min_max_and_samples(self):
        self.assertEqual(summary([3, 1, 2]), {"median": 2, "min": 1, "max": 3,
                                              "samples": [3, 1, 2]})

    def test_ratios_are_formed_inside_of_rounds_only(self):
        s = Samples()
        for rnd, (ours, theirs) in enumerate([(8, 2), (4, 1), (100, None)]):
            s.add("a", "m", (rnd,), ours)
            if theirs is not None:
                s.add("b", "m", (rnd,), theirs)
        self.assertEqual(s.ratio(("a", "m"), ("b", "m")), 4)

    def test_several_runs_in_a_slot_are_averaged_before_the_ratio(self):
        s = Samples()
        for value in (10, 30):
            s.add("a", "m", (0, 0), value)
        for value in (40, 40):
            s.add("b", "m", (0, 0), value)
        self.assertEqual(s.ratio(("a", "m"), ("b", "m")), 0.5)

    def test_a_zero_below_the_line_forms_no_ratio(self):
        s = Samples()
        s.add("a", "m", (0,), 1)
        s.add("b", "m", (0,), 0)
        self.assertIsNone(s.ratio(("a", "m"), ("b", "m")))


class Order(unittest.TestCase):
    methods = {name: FakeMethod(name) for name in
               ("plain", "passthrough", "stunnel", "proxy-udp-mb")}

    def plan(self, rounds, **groups):
        wanted = {name: groups.get("groups", ["tcp1", "udp64", "forward"]) for name in self.methods}
        return schedule.Plan(self.methods, wanted, 1, 2).rounds(rounds)

    def test_plain_and_passthrough_alternate(self):
        names = [i.method for i in self.plan(1)[0] if i.group == "forward"]
        p, t = "plain", "passthrough"
        self.assertEqual(names, [p, t, t, p, t, p, p, t])

    def test_each_round_has_each_method_once(self):
        for items in self.plan(3):
            names = [(i.method, i.group) for i in items if i.group != "forward"]
            self.assertEqual(len(names), len(set(names)))
            self.assertIn(("proxy-udp-mb", "tcp1"), names)

    def test_pings_go_there_and_back(self):
        rounds = self.plan(2, groups=["ping"])
        names = list(self.methods)[:2] + ["proxy-udp-mb"]
        self.assertEqual([i.method for i in rounds[0]], names + names[::-1])
        self.assertEqual([i.method for i in rounds[1]], names[::-1] + names)
        self.assertEqual({i.slot for i in rounds[1]}, {(1, 0)})

    def test_every_second_round_goes_backwards(self):
        a, b = [[i.method for i in items if i.group == "tcp1"]
                for items in self.plan(2)]
        self.assertEqual(a, b[::-1])

    def test_a_tcp_proxy_is_not_asked_for_datagrams(self):
        self.assertNotIn(("stunnel", "udp64"), [(i.method, i.group) for i in self.plan(1)[0]])


class Time(unittest.TestCase):
    """The runner with a clock that only moves when something is measured."""

    def run_for(self, deadline, rounds, cost):
        self.now, self.seconds = 0.0, []
        method = FakeMethod("plain")

        def measure(_method, _group, seconds, _opts):
            self.now += seconds + cost
            self.seconds.append(seconds)
            return 1.0
        samples, skipped = Samples(), {}
        runner = schedule.Runner({"plain": method}, measure, FakeFailure, samples, skipped,
                                 lambda text: None, deadline, lambda: self.now)
        plan = schedule.Plan({"plain": method}, {"plain": ["tcp1", "tcp4"]}, 1)
        runner.run(plan.rounds(rounds))
        self.skipped, self.left_out = skipped, runner.left_out
        return len(samples.values("plain", "tcp4"))

    def test_with_enough_time_nothing_is_left_out(self):
        self.assertEqual(self.run_for(100, 3, 0.2), 3)
        self.assertEqual((self.skipped, self.left_out), ({}, 0))

    def test_with_little_time_the_end_is_left_out(self):
        self.assertEqual(self.run_for(8.0, 3, 0.5), 2)
        self.assertLessEqual(self.now, 8.0)
        self.assertEqual((self.skipped, self.left_out), ({}, 1))

    def test_without_time_nothing_is_measured(self):
        self.assertEqual(self.run_for(0.5, 3, 1.0), 0)
        self.assertEqual(self.skipped["plain tcp4"], "no time was left")


class Runs(unittest.TestCase):
    def test_quick_has_every_key_and_says_why_some_are_null(self):
        status, result, _, _ = run(FakeBackend(), "--quick")
        self.assertEqual(status, 0)
        expected = set(ratios.table("mb")) | {"cpu_per_gb", "cpu_per_gb_openssl"}
        self.assertEqual(set(result["ratios"]), expected)
        for key, value in result["ratios"].items():
            self.assertTrue(value is not None or "--quick" in result["skipped"][key], key)
        self.assertEqual(result["ratios"]["tcp1_vs_wireguard_go"], 16)
        self.assertEqual(result["ratios"]["passthrough_vs_plain"], 1)
        self.assertEqual(result["ratios"]["ping_vs_openvpn"], 0.2)
        self.assertIsNone(result["ratios"]["tcp1_openssl_vs_stunnel"])

    def test_a_whole_run_measures_all_and_names_all(self):
        backend = FakeBackend()
        status, result, out, _ = run(backend, "--rounds", "3")
        self.assertEqual(status, 0)
        self.assertFalse([k for k, v in result["ratios"].items() if v is None])
        for name in backend.fakes:
            self.assertIn(name, out)
            metric = "tcp1" if name == "thesis" else "tcp4"
            self.assertEqual(len(result["methods"][name][metric]["samples"]), 3, name)
            self.assertFalse(backend.fakes[name].is_up)
        self.assertIn("nebula/physical", result["methods"])
        self.assertEqual(result["skipped"]["flows1m"], "no memory")
        self.assertEqual(result["skipped"]["scale"], "bench/scale is not built")
        self.assertNotIn("tcp4", result["methods"]["thesis"])

    def test_without_ipsec_mb_openssl_stands_in(self):
        names = FakeBackend().fakes
        gone = {name: "no libipsec-mb" for name in names if "-mb" in name}
        status, result, _, _ = run(FakeBackend(missing=gone), "--quick")
        self.assertEqual((status, result["engine"]), (0, "openssl"))
        self.assertEqual(result["ratios"]["tcp1_vs_stunnel"], 1.25)
        self.assertEqual(result["skipped"]["plugins_loaded_vs_none"], "needs libipsec-mb")

    def test_a_missing_peer_is_named_and_the_rest_measured(self):
        status, result, out, _ = run(FakeBackend(missing={"nebula": "nebula: not installed"}),
                                     "--quick")
        self.assertEqual(status, 0)
        self.assertIsNone(result["ratios"]["udp64_vs_nebula"])
        self.assertIn("not installed", result["skipped"]["udp64_vs_nebula"])
        self.assertGreater(result["ratios"]["tcp1_vs_openvpn"], 0)
        self.assertIn("nebula: not installed", out)

    def test_a_method_that_does_not_come_up_is_a_failure(self):
        status, result, _, err = run(FakeBackend(broken={"openvpn": "no traffic"}), "--quick")
        self.assertEqual(status, 1)
        self.assertIn("no traffic", result["skipped"]["ping_vs_openvpn"])
        self.assertIn("failed: openvpn", err)

    def test_what_fails_once_is_tried_again_and_twice_is_given_up(self):
        once = FakeBackend(failing={("nebula", "udp64"): 1})
        self.assertEqual(run(once, "--quick")[0], 0)
        twice = FakeBackend(failing={("nebula", "udp64"): 2})
        status, result, _, _ = run(twice, "--quick")
        self.assertEqual(status, 1)
        self.assertEqual(twice.calls.count(("nebula", "udp64")), 2)
        self.assertIn("fell over", result["skipped"]["udp64_vs_nebula"])

    def test_only_and_skip_choose(self):
        backend = FakeBackend()
        run(backend, "--only", "plain,nebula", "--skip", "nebula", "--rounds", "1")
        self.assertEqual({name for name, _ in backend.calls}, {"plain"})

    def test_a_name_that_is_none_is_refused(self):
        status, result, _, err = run(FakeBackend(), "--only", "plan")
        self.assertEqual((status, result), (2, None))
        self.assertIn("there is no plan", err)

    def test_a_signal_ends_it_and_everything_is_cleaned_up(self):
        backend = FakeBackend()
        inner = backend.measure

        def measure(*args):
            if len(backend.calls) == 5:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            return inner(*args)
        backend.measure = measure
        status, result, _, _ = run(backend, "--quick")
        self.assertEqual((status, result), (143, None))
        self.assertGreaterEqual(backend.cleaned, 1)

    def test_threads_that_bring_up_do_not_hold_up_the_end(self):
        backend = FakeBackend()
        gone = threading.Event()
        backend.fakes["nebula"].up = lambda: gone.wait(20)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        clean = backend.cleanup_all
        backend.cleanup_all = lambda: (gone.set(), clean())
        begin = time.monotonic()
        self.assertEqual(run(backend, "--quick")[0], 130)
        self.assertLess(time.monotonic() - begin, 5)


class Goals(unittest.TestCase):
    scale = {"flows": [{"n": 1000, "lookup_ns": 100, "setup_ns": 400, "bytes_per_flow": 230},
                       {"n": 1000000, "lookup_ns": 150, "setup_ns": 450, "bytes_per_flow": 250}],
             "associations": [{"n": 10, "bytes_per_association": 9000}]}

    def goal(self, words, **more):
        rows = ratios.goals("mb", more, Samples(), self.scale)
        return next(row for row in rows if row["goal"].startswith(words))

    def test_scale_is_judged(self):
        self.assertEqual(self.goal("flow look-up")["figure"], 1.5)
        self.assertFalse(self.goal("flow look-up")["met"])
        self.assertTrue(self.goal("flow set-up")["met"])
        self.assertTrue(self.goal("octets per flow")["met"])
        self.assertFalse(self.goal("octets per association")["met"])

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        self.assertIsNone(self.goal("TCP, proxy : stunnel")["met"])
        self.assertTrue(self.goal("TCP, proxy : stunnel", tcp1_vs_stunnel=1.6)["met"])


class Modules(unittest.TestCase):
    def test_what_really_measures_is_there_and_knows_all_metrics(self):
        cli.Backend()
        from . import measure
        self.assertLessEqual(set(schedule.FULL) | {"rss_mb"}, set(measure.METRICS))


class Options(unittest.TestCase):
    def refused(self, *argv):
        with contextlib.redirect_stderr(io.StringIO()) as err, self.assertRaises(SystemExit):
            cli.parse(list(argv))
        return err.getvalue()

    def test_bad_values_are_refused_with_words(self):
        self.assertIn("must be 1 or more", self.refused("--rounds", "0"))
        self.assertIn("invalid number", self.refused("--rounds", "x"))
        self.assertIn("must be 0.1 or more", self.refused("--seconds", "nan"))
        self.assertIn("there is no tcp9", self.refused("--metrics", "tcp9"))
        self.assertIn("no folder", self.refused("--json", "/nowhere/at/all"))
        self.assertIn("--plots", self.refused("--png"))


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        _, cls.result, cls.text, _ = run(FakeBackend(), "--rounds", "2")
        cls.result["scale"] = Goals.scale
        cls.result["micro"] = [{"name": "seal", "ns": 200.0, "bytes": 1400},
                               {"name": "open", "ns": None, "bytes": None, "skipped": True}]

    def test_markdown_has_tables_goals_and_links(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "r.md")
            report.to_markdown(path, self.result, [os.path.join(folder, "plots", "tcp1.svg")])
            with open(path, encoding="utf-8") as f:
                text = f.read()
        for words in ("| proxy-udp-mb |", "## Goals", "(plots/tcp1.svg)", "- cores: 2",
                      "tcp1_vs_nebula", "## Scale: flows", "| seal | 200 | 7 |", "| open | - | - |"):
            self.assertIn(words, text)

    def test_the_table_shows_medians_with_their_range(self):
        self.assertIn("4.00 (4.00-4.00)", self.text)

    def test_each_plot_has_a_script(self):
        found = {name: what for name, what in plots.scripts(self.result)}
        for name in ("tcp1", "udp64", "cpu_per_gb", "scale-flows-ns"):
            self.assertIsNotNone(found[name], name)
        self.assertIsNone(found["scale-associations"])
        self.assertIn("'wireguard-go'", found["tcp1"][0])

    def test_gnuplot_takes_the_scripts(self):
        with tempfile.TemporaryDirectory() as folder:
            try:
                drawn = plots.to_plots(folder, self.result)
            except plots.PlotError as why:
                if "not installed" in str(why):
                    self.skipTest(str(why))
                raise
            self.assertGreaterEqual(len(drawn), 5)

    def test_a_result_file_is_strict_json(self):
        with self.assertRaises(ValueError):
            report.to_json(os.path.join(tempfile.gettempdir(), "never"), {"x": float("nan")})


def main():
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromModule(sys.modules[__name__])
    done = unittest.TextTestRunner(verbosity=1).run(suite)
    bad = len(done.failures) + len(done.errors)
    print("# SELFTEST PASS: %d" % (done.testsRun - bad - len(done.skipped)))
    print("# SELFTEST FAIL: %d" % bad)
    print("# SELFTEST SKIP: %d" % len(done.skipped))
    return 1 if bad else 0
