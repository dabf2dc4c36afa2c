# SPDX-License-Identifier: MIT
"""The build tree that is measured, and the machine it is measured on."""

import os
import platform
import re
import shutil
import subprocess

from . import net
from .hip import has_ipsec_mb
from .net import Failure

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ("hipproxyd", "hipproxyctl")
BUILD_PACKAGES = ("build-essential autoconf automake libtool pkg-config libconfig-dev libmnl-dev "
                  "libnetfilter-queue-dev libssl-dev libcap-dev libjansson-dev libsmartcols-dev libipsec-mb-dev")


def build_dir(args):
    """The build tree to use: args.build if given, otherwise build-bench beside the sources, made
    or brought up to date."""
    given = getattr(args, "build", None)
    path = os.path.abspath(given or os.path.join(SOURCE, "build-bench"))
    if not given:
        _build(path)
    _complete(path)
    # libtool's wrapper links at its first start: not in several threads at once.
    net.run([os.path.join(path, "hipproxyd"), "-V"], timeout_s=60, check=False)
    return path


def _complete(path):
    for program in PROGRAMS:
        if not os.access(os.path.join(path, program), os.X_OK):
            raise Failure("%s holds no %s: is it a build tree of hipproxy?" % (path, program))


def _build(path):
    if not os.access(os.path.join(SOURCE, "configure"), os.X_OK):
        _step("./bootstrap", [os.path.join(SOURCE, "bootstrap")], SOURCE, path)
    os.makedirs(path, exist_ok=True)
    if not os.path.exists(os.path.join(path, "Makefile")):
        _step("configure", [os.path.join(SOURCE, "configure"), "-q"], path, path)
    jobs = "-j%d" % len(os.sched_getaffinity(0))
    _step("make", ["make", "-s", jobs, "bench-programs"], path, path)


def _step(name, argv, directory, log_directory):
    """A step of the build; its output is in a file, and said when it fails."""
    os.makedirs(log_directory, exist_ok=True)
    log = os.path.join(log_directory, "bench-build.log")
    with open(log, "ab") as f:
        process = net.popen(argv, cwd=directory, stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        try:
            status = process.wait()
        finally:
            net.stop(process)
    if status:
        raise Failure("%s failed, see %s.  Wanted: apt-get install %s" % (
            name, log, BUILD_PACKAGES))


def udpload(build_path, workdir):
    """The traffic tool of the build tree; made here when the tree was built without it."""
    path = os.path.join(build_path, "bench", "udpload")
    if os.access(path, os.X_OK):
        return path
    path = os.path.join(workdir, "udpload")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Failure("no compiler for udpload (apt-get install build-essential)")
    os.makedirs(workdir, exist_ok=True)
    net.run([compiler, "-std=gnu11", "-O2", "-o", path, os.path.join(SOURCE, "bench", "udpload.c")],
            timeout_s=60)
    return path


def exchange_program(build_path):
    """The one that counts base exchanges, or None."""
    for name in ("bench/exchange", "tests/exchange/bench"):
        path = os.path.join(build_path, *name.split("/"))
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


# --- the machine ------------------------------------------------------------------------------


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return ""


def _field(text, name):
    found = re.search(r"^%s\s*[:=]\s*\"?([^\"\n]*)" % re.escape(name), text, re.M)
    return found.group(1).strip() if found else ""


def _version(argv, pattern):
    """A version out of what a program prints, or None: not installed."""
    if not shutil.which(argv[0]):
        return None
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, done.stdout)
    return found.group(1) if found else "unknown"


def _package(name):
    """The version of a Debian package: of what does not print one, or is a library."""
    out = _version(["dpkg-query", "-W", "-f", "${Version}", name], r"^(\d\S*)")
    return None if out in (None, "unknown") else out


VERSIONS = {
    "openssl": (["openssl", "version"], r"OpenSSL (\S+)"),
    "nebula": (["nebula", "-version"], r"Version: (\S+)"),
    "openvpn": (["openvpn", "--version"], r"OpenVPN (\S+)"),
    "stunnel": (["stunnel", "-version"], r"stunnel (\S+)"),
    "iperf3": (["iperf3", "--version"], r"iperf (\S+)"),
    "iperf": (["iperf", "--version"], r"iperf version (\S+)"),
    "gnuplot": (["gnuplot", "--version"], r"gnuplot (.+)"),
    "compiler": (["cc", "--version"], r"^(.+)"),
}


def versions():
    found = {name: _version(argv, pattern) for name, (argv, pattern) in VERSIONS.items()}
    # `wireguard-go --version` wants a terminal's worth of warnings on some kernels.
    found["wireguard-go"] = _package("wireguard-go") or (
        "unknown" if shutil.which("wireguard-go") else None)
    found["ipsec-mb"] = _package("libipsec-mb1") or _package("libipsec-mb-dev")
    return found


def machine(build_path=None):
    """What figures depend on."""
    cpu = _read("/proc/cpuinfo")
    flags = set(_field(cpu, "flags").split())
    memory = re.search(r"MemTotal:\s+(\d+)", _read("/proc/meminfo"))
    about = {
        "cpu": _field(cpu, "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "cpu_features": sorted(flags & {"aes", "vaes", "vpclmulqdq", "avx2", "avx512f", "sha_ni"}),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        "memory_mb": int(memory.group(1)) // 1024 if memory else None,
        "kernel": platform.release(),
        "system": _field(_read("/etc/os-release"), "PRETTY_NAME"),
        "virtual": "hypervisor" in flags,
        "versions": versions(),
    }
    if build_path:
        about["hipproxy"] = _field_define(build_path, "PACKAGE_VERSION")
        about["cflags"] = _field(_read(os.path.join(build_path, "Makefile")), "CFLAGS")
        about["built_with_ipsec_mb"] = has_ipsec_mb(build_path)
    return about


def _field_define(build_path, name):
    found = re.search(r'#define %s "([^"]*)"' % name, _read(os.path.join(build_path, "config.h")))
    return found.group(1) if found else None
