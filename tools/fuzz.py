"""Fuzz everything that a peer's bytes reach: `python tools/fuzz.py --seconds N [TARGET...]`.

libFuzzer on the C kernels (`csrc/fuzz/*.c`), atheris on the sans-I/O Python above them (`tests/fuzz`), over
extensions that are built under ASan and UBSan, and the hypothesis tests with as many examples as there is
time for. They share the seconds, two at a time; building comes on top. They begin with `csrc/fuzz/corpus`,
and those that take data sets with pydicom's test files, too. New inputs are kept in `build/fuzz/corpus`.
What crashes a target is left in `build/fuzz/crashes` and fails the run.

Without clang there is no libFuzzer and no sanitizer, without atheris nothing that it would run: that is said,
and the rest goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from instrumented import COMMON_FLAGS, TOP, build, environment

FOLDER = TOP / "build" / "fuzz"
CRASHES = FOLDER / "crashes"
CORPUS = TOP / "csrc" / "fuzz" / "corpus"
FILES = FOLDER / "files"
AT_ONCE = 2
SANITIZE = ("-fsanitize=address,undefined",)

# Target: its share of the time, and the longest input that is tried.
C_TARGETS = {
    "fd_reader": (3, 500),
    "fd_socket": (2, 400),
    "fd_writer": (2, 300),
    "fd_command": (1, 800),
    "fd_element": (1, 800),
    "fd_walk": (2, 4096),
    "fd_transcode": (3, 4096),
    "fd_swap": (1, 300),
    "fd_vr": (1, 100),
}
PYTHON_TARGETS = {
    "session": (5, 500),
    "associate": (3, 1500),
    "command": (1, 800),
    "element": (1, 400),
    "edit": (4, 4096),
}
# Targets that begin with pydicom's test files as well, which `tests/fuzz/files.py` writes.
FILE_TARGETS = {"fd_walk", "fd_transcode", "edit"}
HYPOTHESIS = "hypothesis"
HYPOTHESIS_SHARE = 2

# A target that has not ended so long after its time does not end.
GRACE = 60
# The hypothesis tests once, on a busy machine.
ROUND = 300
PYTHON_STARTS = 5  # seconds that an instrumented Python takes to begin
INPUT_TIMEOUT = 20  # seconds for a single input
MEMORY_MEGABYTES = 2048
ARTIFACT = re.compile(r"Test unit written to (\S+)")
EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
CORPUS_SIZE = re.compile(r"corp: (\d+)/")
EXAMPLES = re.compile(r"(\d+) passing")
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|error)")

FIRST_EXAMPLES = 50
MOST_EXAMPLES = 20_000


class Result(NamedTuple):
    """What a target has brought: its counts, and where to find what went wrong."""

    name: str
    executions: int
    corpus: int
    crashes: tuple[str, ...]
    text: str


class Job(NamedTuple):
    """A target with its share of the time; `run` takes seconds."""

    name: str
    share: int
    run: Callable[[float], Result]


def main() -> int:
    """Build, fuzz and report; return 1 when there was a crash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("targets", nargs="*", help="only these", metavar="TARGET")
    arguments = parser.parse_args()
    known = [*C_TARGETS, *PYTHON_TARGETS, HYPOTHESIS]
    unknown = set(arguments.targets) - set(known)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    CRASHES.mkdir(parents=True, exist_ok=True)
    if FILE_TARGETS & set(arguments.targets or known):
        write_files()
    jobs = [*c_jobs(arguments.targets or known), *python_jobs(arguments.targets or known)]
    return report(run_all(jobs, arguments.seconds))


def run_all(jobs: list[Job], seconds: float) -> list[Result]:
    """Run all jobs, two at a time, so that they take as long together as was asked for."""
    lanes = min(AT_ONCE, len(jobs))
    whole = sum(job.share for job in jobs)
    with ThreadPoolExecutor(lanes or 1) as pool:
        # The longest first: then the lanes end at about the same time.
        ordered = sorted(jobs, key=lambda job: -job.share)
        return list(pool.map(lambda job: run_one(job, seconds * lanes * job.share / whole), ordered))


def run_one(job: Job, seconds: float) -> Result:
    """Run one job and say what came of it."""
    result = job.run(max(1.0, seconds))
    counts = f"{result.executions:9} executions  {result.corpus:5} in corpus  {len(result.crashes)} crashes"
    print(f"{result.name:12} {seconds:5.0f} s  {counts}", flush=True)
    return result


def report(results: list[Result]) -> int:
    """Print what went wrong, and the sum; return 1 when something did."""
    for result in results:
        if result.crashes:
            print("\n".join(line[:200] for line in result.text.splitlines()[-60:]))
        for crash in result.crashes:
            print(f"{result.name}: {crash}")
    crashes = sum(len(result.crashes) for result in results)
    executions = sum(result.executions for result in results)
    print(f"fuzz: {len(results)} targets, {executions} executions, {crashes} crashes")
    return int(crashes > 0)


def write_files() -> None:
    """Write pydicom's test files as inputs, with the extensions that are built in place."""
    env = environment(TOP / "src", (), {})
    subprocess.run([sys.executable, "-m", "fuzz.files", str(FILES)], cwd=TOP, env=env, check=True)


# --- libFuzzer --------------------------------------------------------------------------------------------


def c_jobs(wanted: Iterable[str]) -> list[Job]:
    """Build the targets of `csrc/fuzz`."""
    names = [name for name in C_TARGETS if name in wanted]
    if names and shutil.which("clang") is None:
        print(f"there is no clang: {', '.join(names)} are not fuzzed")
        return []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        programs = dict(zip(names, pool.map(compile_target, names), strict=True))
    return [
        Job(
            name,
            C_TARGETS[name][0],
            partial(fuzz, name, C_TARGETS[name][1], [str(program)], dict(os.environ)),
        )
        for name, program in programs.items()
    ]


def compile_target(name: str) -> Path:
    """Compile one target with the kernels; return the program."""
    program = FOLDER / "bin" / name
    sources = [TOP / "csrc" / "fuzz" / f"{name}.c", *sorted((TOP / "csrc").glob("*.c"))]
    inputs = [*sources, *(TOP / "csrc").glob("*.h"), TOP / "csrc" / "check" / "check.h"]
    if program.exists() and all(file.stat().st_mtime < program.stat().st_mtime for file in inputs):
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c11", *COMMON_FLAGS, "-O2", *SANITIZE, "-fsanitize=fuzzer", "-Icsrc"]
    subprocess.run(["clang", *flags, *map(str, sources), "-o", str(program)], cwd=TOP, check=True)
    return program


def fuzz(
    name: str, longest: int, command: list[str], env: dict[str, str], seconds: float, *, startup: float = 0
) -> Result:
    """Run a libFuzzer for its time."""
    found = FOLDER / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    given = [folder / name for folder in (CORPUS, FILES) if (folder / name).is_dir()]
    command = [
        *command,
        f"-max_total_time={max(1, round(seconds - startup))}",
        f"-max_len={longest}",
        f"-timeout={INPUT_TIMEOUT}",
        f"-rss_limit_mb={MEMORY_MEGABYTES}",
        f"-artifact_prefix={CRASHES / name}-",
        "-print_final_stats=1",
        str(found),
        *map(str, given),
    ]
    code, text = run(command, env, seconds + GRACE)
    crashes = tuple(ARTIFACT.findall(text))
    if code != 0 and not crashes:
        crashes = (f"ended with {code} and left no input behind",)
    executed = EXECUTED.findall(text)
    sizes = CORPUS_SIZE.findall(text)
    return Result(name, int(executed[-1]) if executed else 0, int(sizes[-1]) if sizes else 0, crashes, text)


def run(command: list[str], env: dict[str, str], seconds: float) -> tuple[int, str]:
    """Run a command to its end, at most so long; return its exit code and what it said."""
    with subprocess.Popen(
        command,
        cwd=TOP,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            text, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            try:
                text, _ = process.communicate(timeout=GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                text, _ = process.communicate()
            text += f"\nnot done within {seconds:.0f} s\n"
        return process.returncode, text


# --- atheris and hypothesis -------------------------------------------------------------------------------


def python_jobs(wanted: Iterable[str]) -> list[Job]:
    """Build the extensions for the targets of `tests/fuzz`."""
    names = [name for name in PYTHON_TARGETS if name in wanted]
    jobs = [Job(HYPOTHESIS, HYPOTHESIS_SHARE, run_hypothesis)] if HYPOTHESIS in wanted else []
    if names and importlib.util.find_spec("atheris") is None:
        print(
            f"there is no atheris: {', '.join(names)} are not fuzzed, only their corpora are run in the tests"
        )
        return jobs
    if not names:
        return jobs
    env = sanitized_environment()
    command = [sys.executable, "-m", "fuzz.targets"]
    for name in names:
        share, longest = PYTHON_TARGETS[name]
        run_target = partial(fuzz, name, longest, [*command, name], env, startup=PYTHON_STARTS)
        jobs.append(Job(name, share, run_target))
    return jobs


def sanitized_environment() -> dict[str, str]:
    """Build the extensions under ASan and UBSan, if that can be; return the environment for atheris."""
    found = importlib.util.find_spec("atheris")
    runtime = Path(found.origin if found and found.origin else "").parents[1] / "asan_with_fuzzer.so"
    if shutil.which("clang") is None or not runtime.exists():
        print("clang or the sanitizer of atheris is missing: the extensions are fuzzed as they are")
        return environment(TOP / "src", (), {})
    # fuzzer-no-link: coverage of the extensions counts, too.
    library = build(FOLDER / "python", "clang", (*SANITIZE, "-fsanitize=fuzzer-no-link"))
    options = {"ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=32"}
    return environment(library, (runtime,), options)


def run_hypothesis(seconds: float) -> Result:
    """Run the hypothesis tests again and again, with as many examples as the time allows."""
    end = time.monotonic() + seconds
    examples, executions, passed = FIRST_EXAMPLES, 0, 0
    command = [sys.executable, "-m", "pytest", "-q", "-m", "hypothesis", "--hypothesis-profile", "fuzz"]
    command += ["--timeout", "0", "--hypothesis-show-statistics", "-p", "no:cacheprovider"]
    while True:
        begin = time.monotonic()
        env = {**os.environ, "FASTDICOM_FUZZ_EXAMPLES": str(examples)}
        code, text = run(command, env, end - begin + ROUND)
        executions += sum(map(int, EXAMPLES.findall(text)))
        passed = sum(int(count) for count, what in PYTEST_COUNT.findall(text) if what == "passed")
        if code != 0:
            return Result(HYPOTHESIS, executions, passed, (f"pytest ended with {code}",), text)
        took, left = time.monotonic() - begin, end - time.monotonic()
        if left < 10 or left < took * FIRST_EXAMPLES / examples:
            return Result(HYPOTHESIS, executions, passed, (), text)
        examples = min(MOST_EXAMPLES, max(FIRST_EXAMPLES, int(0.8 * examples * left / took)))


if __name__ == "__main__":
    sys.exit(main())
