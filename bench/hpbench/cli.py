# SPDX-License-Identifier: MIT
"""The command: options, the order of things, and the way out."""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time

from . import plots, ratios, report, schedule
from .stats import Samples

# What is no row of the tables, but can be named in --only and --skip as well.
PARTS = {
    "physical": "a second pass on links without offloads, for some of the methods",
    "exchange": "base exchanges a second, both ends in one process",
    "flows1m": "memory of a proxy with a million flows",
    "micro": "costs of single operations (bench/micro)",
    "scale": "costs by the size of the tables (bench/scale)",
}
QUICK_S = 42.0                  # of 50: what is left is for ending daemons and the report
UP_AT_ONCE = 3
PROGRAM_LIMIT_S = {"micro": 240, "scale": 600}


class Ended(BaseException):
    """SIGINT, SIGTERM or SIGHUP.  Not an Exception: nobody on the way may take it for a failure."""


class Usage(Exception):
    """Something in the command line or the machine that must be changed first."""


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


# --- options ---------------------------------------------------------------------------

def names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def at_least(kind, least):
    def check(text):
        value = kind(text)
        if not value >= least or value == float("inf"):
            raise argparse.ArgumentTypeError("must be %g or more" % least)
        return value
    check.__name__ = "number"
    return check


def parse(argv):
    p = argparse.ArgumentParser(
        prog="bench/run", description="Measures hipproxy and its peers side by side, in network "
        "namespaces of its own; as root.  bench/README.md says what the figures mean.")
    add = p.add_argument
    add("--quick", action="store_true", help="what the ratios need, in less than 50 seconds")
    add("--json", metavar="FILE", help="write all results to FILE")
    add("--markdown", metavar="FILE", help="write the tables to FILE")
    add("--plots", metavar="DIR", help="draw pictures into DIR (SVG, by gnuplot)")
    add("--png", action="store_true", help="PNG beside each SVG")
    add("--only", metavar="A,B", type=names, help="these methods and parts only (see --list)")
    add("--skip", metavar="A,B", type=names, default=[], help="all but these")
    add("--metrics", metavar="A,B", type=names,
        help="these groups only: " + ", ".join(schedule.FULL))
    add("--rounds", metavar="N", type=at_least(int, 1), help="rounds (default 3, with --quick 2)")
    add("--seconds", metavar="S", type=at_least(float, 0.1),
        help="of each run of TCP, in whole seconds, as iperf3 has it; less than 1: 1, and other "
             "runs as short as with --quick (default 3, --quick: 1)")
    add("--build", metavar="DIR", help="a build tree (default: build-bench, built if needed)")
    add("--install", action="store_true", help="install missing peers with apt-get first")
    add("--list", action="store_true", help="list methods and parts, and what is missing")
    add("--selftest", action="store_true", help="test the arithmetic; needs no root")
    args = p.parse_args(argv)
    for group in args.metrics or []:
        if group not in schedule.FULL:
            p.error("--metrics: there is no %s; there are %s" % (group, ", ".join(schedule.FULL)))
    if args.png and not args.plots:
        p.error("--png needs --plots DIR")
    for path in (args.json, args.markdown):
        if path and not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            p.error("there is no folder for " + path)
    args.rounds = args.rounds or (2 if args.quick else 3)
    # Who wants less than iperf3 can, wants everything short.
    args.short = args.quick or (args.seconds or 1) < 1
    args.seconds = max(1, round(args.seconds or (1 if args.quick else 3)))
    return args


# --- what is chosen --------------------------------------------------------------------

class Choice:
    """Which methods and parts are measured, by --only, --skip and --quick."""

    def __init__(self, args, methods, engine):
        for name in (args.only or []) + args.skip:
            if name not in methods and name not in PARTS:
                raise Usage("there is no %s; see bench/run --list" % name)
        self.quick = schedule.quick_groups(engine) if args.quick else None
        groups = args.metrics or schedule.FULL
        self.wanted = {name: self._groups(name, groups) for name in methods
                       if self._takes(args, name)}
        self.wanted = {name: found for name, found in self.wanted.items() if found}
        self.parts = [part for part in PARTS if not args.quick and self._takes(args, part)]
        if args.only and "physical" in self.parts and not self.wanted:
            raise Usage("--only physical needs methods as well")

    def _takes(self, args, name):
        if name in args.skip or (args.only and name not in args.only):
            return False
        return self.quick is None or name in self.quick or name in PARTS or bool(args.only)

    def _groups(self, name, groups):
        if name == "thesis":            # its procedure gives one figure
            return [g for g in groups if g == "tcp1"]
        if self.quick is None or name not in self.quick:
            return [g for g in groups if self.quick is None or g == "tcp1"]
        return [g for g in self.quick[name] if g in groups]


def engine_of(methods):
    """mb where hipproxy was built with libipsec-mb, else openssl."""
    mb = methods.get("proxy-udp-mb")
    return "mb" if mb is not None and mb.missing() is None else "openssl"


def show_list(methods):
    for name, method in methods.items():
        why = method.missing()
        print("%-24s %s" % (name, "skipped: " + why if why else method.kind))
    for name, words in PARTS.items():
        print("%-24s %s" % (name, words))


# --- up --------------------------------------------------------------------------------

class Crew:
    """Brings methods up in a few threads.  cleanup_all() makes what they still try fail."""

    def __init__(self, methods, failure):
        self.todo = list(methods.items())
        self.failure = failure
        self.lock = threading.Lock()
        self.failures = {}
        self.threads = [threading.Thread(target=self.work, daemon=True)
                        for _ in range(min(UP_AT_ONCE, len(self.todo)))]

    def work(self):
        while True:
            with self.lock:
                if not self.todo:
                    return
                name, method = self.todo.pop(0)
            try:
                method.up()
            except self.failure as why:
                self.failures[name] = str(why)
            except Exception as why:    # a thread's traceback would end nothing
                self.failures[name] = "%s: %s" % (type(why).__name__, why)

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        return self.failures

    def stop(self):
        with self.lock:
            self.todo.clear()

    def join(self, seconds):
        end = time.monotonic() + seconds
        for thread in self.threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))


# --- the session -----------------------------------------------------------------------

class Session:
    """One run, with the modules that do the work given by name, so that a test can give others.

    backend.all_methods(build, workdir), backend.measure(method, group, seconds, opts),
    backend.base_exchanges(build), backend.million_flows(build, workdir),
    backend.run(argv, timeout_s), backend.machine(build), backend.cleanup_all(),
    backend.Failure
    """

    def __init__(self, args, backend, build, workdir):
        self.args = args
        self.backend = backend
        self.build = build
        self.workdir = workdir
        self.began = time.monotonic()
        self.samples = Samples()
        self.skipped = {}
        self.failed = []
        self.extra = {}
        self.crew = None
        self.methods = backend.all_methods(build, workdir)
        self.engine = engine_of(self.methods)
        self.choice = Choice(args, self.methods, self.engine)

    def measure_all(self):
        self.bring_up()
        deadline = self.began + QUICK_S if self.args.quick else None
        runner = schedule.Runner(self.methods, self.backend.measure, self.backend.Failure,
                                 self.samples, self.skipped, say, deadline)
        wanted = self.choice.wanted
        quads = 5 if self.args.short else 10
        say("%d methods, %d rounds of %g s runs" % (len(wanted), self.args.rounds,
                                                    self.args.seconds))
        plan = schedule.Plan(self.methods, wanted, self.args.seconds, quads,
                             quick=self.args.short)
        runner.run(plan.rounds(self.args.rounds))
        if runner.left_out:
            say("%d runs left out: no time" % runner.left_out)
        if not self.args.quick:
            self.memory(runner, wanted)
        if "physical" in self.choice.parts:
            self.physical(runner)
        self.failed += ["%s %s" % key for key in runner.failed]
        self.take_down()
        for part in self.choice.parts:
            if part != "physical":
                self.part(part)

    def bring_up(self):
        for name in list(self.choice.wanted):
            why = self.methods[name].missing()
            if why:
                self.leave_out(name, why)
        chosen = {name: self.methods[name] for name in self.choice.wanted}
        if not chosen and not self.choice.parts:
            raise Usage("nothing to measure: "
                        + ("; ".join("%s: %s" % pair for pair in self.skipped.items()) or
                           "see bench/run --list"))
        say("bringing up " + (", ".join(chosen) or "nothing"))
        self.crew = Crew(chosen, self.backend.Failure)
        for name, why in self.crew.run().items():
            self.leave_out(name, why)
            self.failed.append(name)

    def leave_out(self, name, why):
        say("%s skipped: %s" % (name, why))
        self.skipped[name] = why
        self.choice.wanted.pop(name, None)

    def take_down(self):
        for name in self.choice.wanted:
            self.methods[name].down()

    def memory(self, runner, wanted):
        """At the end, when each daemon has seen all it will see."""
        for name in wanted:
            if self.methods[name].kind != "plain":
                runner.one(schedule.Item(name, "rss_mb", 0, {}, name, ("end",)), "end")

    def physical(self, runner):
        """The second pass: the tunnel's link without offloads."""
        wanted = {}
        for name in schedule.PHYSICAL_METHODS:
            if name not in self.choice.wanted:
                continue
            try:
                self.methods[name].physical(True)
                wanted[name] = [g for g in self.choice.wanted[name] if g in schedule.PHYSICAL]
            except self.backend.Failure as why:
                self.skipped[name + "/physical"] = str(why)
        plan = schedule.Plan(self.methods, wanted, self.args.seconds, suffix="/physical")
        runner.run(plan.rounds(self.args.rounds))
        for name in wanted:
            self.methods[name].physical(False)

    # --- parts that need no method of the tables ---

    def part(self, part):
        say("measuring " + part)
        try:
            if part in ("micro", "scale"):
                self.extra[part] = self.program(part)
                return
            if part == "exchange":
                values = self.backend.base_exchanges(self.build)
            else:
                values = self.backend.million_flows(self.build, self.workdir)
        except self.backend.Failure as why:
            say("%s skipped: %s" % (part, why))
            self.skipped[part] = str(why)
            return
        for metric, value in values.items():
            self.samples.add(part, metric, (), value)
        say("%s: %s" % (part, schedule.words(values)))

    def program(self, name):
        """What bench/micro or bench/scale of the build tree says."""
        path = os.path.join(self.build, "bench", name)
        if not os.access(path, os.X_OK):
            raise self.backend.Failure("bench/%s is not built" % name)
        out = os.path.join(self.workdir, name + ".json")
        self.backend.run([path, "--json", out], timeout_s=PROGRAM_LIMIT_S[name])
        try:
            with open(out, encoding="utf-8") as f:
                return json.load(f).get(name)
        except (OSError, ValueError, AttributeError) as why:
            raise self.backend.Failure("bench/%s: %s" % (name, why)) from why

    # --- the end ---

    def result(self):
        """What the JSON is."""
        default = "not measured with --quick" if self.args.quick else "not chosen"
        formed = ratios.form(self.engine, self.samples, self.skipped, default)
        out = {"machine": self.backend.machine(self.build), "engine": self.engine,
               "settings": {"quick": self.args.quick, "rounds": self.args.rounds,
                            "seconds": self.args.seconds},
               "methods": self.samples.as_dict(), "ratios": formed}
        out.update(self.extra)
        out["goals"] = ratios.goals(self.engine, formed, self.samples, self.extra.get("scale"))
        out["skipped"] = self.skipped
        out["seconds"] = round(time.monotonic() - self.began, 1)
        return out

    def close(self):
        """Removes everything; what threads have begun meanwhile too."""
        if self.crew:
            self.crew.stop()
        self.backend.cleanup_all()
        if self.crew:
            self.crew.join(5)
            self.backend.cleanup_all()


# --- the real backend ------------------------------------------------------------------

class Backend:
    """The modules that make networks and measure in them."""

    def __init__(self):
        from . import build, measure, methods, net
        self.Failure = net.Failure
        self.all_methods = methods.all_methods
        self.measure = measure.measure
        self.base_exchanges = measure.base_exchanges
        self.million_flows = measure.million_flows
        self.machine = build.machine
        self.build_dir = build.build_dir
        self.run = net.run
        self.cleanup_all = net.cleanup_all


# --- main ------------------------------------------------------------------------------

def on_signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def ended(number, _frame):
    on_signals(signal.SIG_IGN)
    raise Ended(number)


def need_root():
    if os.geteuid() != 0:
        raise Usage("must be root, to make network namespaces")


def install(backend, methods):
    """apt-get install of what peers miss."""
    packages = sorted({package for method in methods.values() if method.missing()
                       for package in getattr(method, "packages", ())})
    if not packages:
        return
    say("apt-get install " + " ".join(packages))
    backend.run(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y",
                 "--no-install-recommends"] + packages, timeout_s=600)


def hand_over(args, result):
    """Writes all that was asked for.  The table comes first: it needs no file."""
    sys.stdout.write(report.to_text(result))
    sys.stdout.flush()
    drawn = []
    if args.plots:
        try:
            drawn = plots.to_plots(args.plots, result, args.png)
        except (plots.PlotError, OSError) as why:
            result["skipped"]["plots"] = str(why)
            say("plots skipped: %s" % why)
    if args.json:
        report.to_json(args.json, result)
    if args.markdown:
        report.to_markdown(args.markdown, result, drawn)


def whole_run(args, backend, workdir):
    build = backend.build_dir(args)
    if args.install:
        install(backend, backend.all_methods(build, workdir))
    session = Session(args, backend, build, workdir)
    try:
        session.measure_all()
        result = session.result()
    finally:
        on_signals(signal.SIG_IGN)
        session.close()
    on_signals(ended)
    hand_over(args, result)
    for what in session.failed:
        say("failed: " + what)
    return 1 if session.failed else 0


def guarded(args, backend):
    """Everything with the clean-up around it."""
    workdir = tempfile.mkdtemp(prefix="hipproxy-bench.")
    try:
        on_signals(ended)
        return whole_run(args, backend, workdir)
    except Ended as why:
        say("ended by signal %d" % why.args[0])
        return 128 + why.args[0]
    except (Usage, backend.Failure) as why:
        say(str(why))
        return 2
    finally:
        on_signals(signal.SIG_IGN)
        backend.cleanup_all()
        shutil.rmtree(workdir, ignore_errors=True)


def main(argv, backend=None):
    args = parse(argv)
    if args.selftest:
        from . import selftest
        return selftest.main()
    backend = backend or Backend()
    try:
        if args.list:
            show_list(backend.all_methods(args.build or ".", "."))
            return 0
        need_root()
    except (Usage, backend.Failure) as why:
        say(str(why))
        return 2
    return guarded(args, backend)
