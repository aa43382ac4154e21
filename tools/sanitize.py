"""Run the tests with the extensions built under sanitizers: `python tools/sanitize.py [pytest arguments]`.

AddressSanitizer and UndefinedBehaviorSanitizer over the whole test suite; LeakSanitizer over what fails at
every byte of valid messages (`tests/fuzz/offsets.py`); ThreadSanitizer over the C checks and the tests in
which threads share something. Everything is built below `build/sanitize`; what is built in place is not
touched. What the compiler or the platform does not have is said and left out; a report, or a test that fails,
fails the run.

CPython loses memory at its end, so of the leaks only those count that one of our extensions is part of.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from instrumented import TOP, build, environment, library_of, runtime

FOLDER = TOP / "build" / "sanitize"
ADDRESS = ("-fsanitize=address,undefined",)
THREAD = ("-fsanitize=thread",)

# The longest that a run may take. All tests take some three times as long as without sanitizers: they are run
# in parts, as many at once as there are processors.
SECONDS = 1800
PARTS = 16

# Python's own allocator would hide what lies in its pools.
OPTIONS = {"PYTHONMALLOC": "malloc", "UBSAN_OPTIONS": "print_stacktrace=1"}
# Python's allocator again, as each malloc takes a stack; tests/fuzz/test_every_offset.py counts objects.
LEAK_OPTIONS = "detect_leaks=1:exitcode=0:fast_unwind_on_malloc=0:malloc_context_size=20"
LEAK_PROGRAM = ["-m", "fuzz.offsets"]
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "600"]

# C checks that have threads, and tests in which threads meet in our code without the GIL.
THREADED = ("fd_pool", "fd_socket")
THREADED_TESTS = (
    "tests/core/test_threads.py",
    "tests/core/test_wire.py",
    "tests/net",
    "tests/test_association.py",
)

# In a stack: one of our sources, with symbols, or one of our extensions, without.
OURS = re.compile(r"csrc/fd_\w+\.c|fastdicom/_core/\w+\.(c\b|\S*so\b)")
# What the import of an extension makes is kept for good.
IMPORT = re.compile(r"__pyx_pymod_|PyInit_")
COUNT = re.compile(r"^=*\s*(.*\b\d+ (?:passed|failed|error).*?)\s*=*$", re.MULTILINE)


def main() -> int:
    """Run what can be run; return 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, help="the longest that a run of tests may take"
    )
    parser.add_argument("--compiler", default=os.environ.get("CC", "cc"))
    arguments, pytest_arguments = parser.parse_known_args()
    compiler = arguments.compiler
    findings = check_threads(compiler) + run_threaded_tests(compiler, arguments.seconds)
    if runtime(compiler, "asan") is None:
        print(f"{compiler} has no AddressSanitizer for shared libraries here: the tests do not run under it")
        return bool(findings)
    flags = (*ADDRESS, "-shared-libasan") if "clang" in runtime_name(compiler) else ADDRESS
    library = build(FOLDER / "address", compiler, flags)
    findings += run_tests(library, compiler, arguments.seconds, pytest_arguments)
    findings += check_leaks(library, compiler, arguments.seconds)
    print(f"sanitizers: {findings} findings")
    return bool(findings)


def runtime_name(compiler: str) -> str:
    """Return the name of the AddressSanitizer's library."""
    found = runtime(compiler, "asan")
    return "" if found is None else found.name


def run_tests(library: Path, compiler: str, seconds: int, arguments: list[str]) -> int:
    """Run the test suite under ASan and UBSan; return the number of findings, failed tests included."""
    log = fresh(FOLDER / "address.log")
    env = address_environment(library, compiler, log, {**OPTIONS, "ASAN_OPTIONS": "detect_leaks=0"})
    parts = [arguments] if arguments else parts_of_tests()

    def run_part(number: int) -> int:
        own = ["--basetemp", str(FOLDER / f"part-{number}")]
        code, text = run(PYTEST + parts[number] + own, env, seconds)
        name = f"ASan and UBSan, part {number + 1} of {len(parts)}"
        return report(f"{name}: {count_in(text)}", code, text, [])

    with ThreadPoolExecutor(os.cpu_count() or 1) as executor:
        findings = sum(executor.map(run_part, range(len(parts))))
    return findings + report("ASan and UBSan, all parts", 0, "", reports(log))


def parts_of_tests() -> list[list[str]]:
    """Return the files of the tests in parts; neighbours, which take equally long, are in different ones."""
    files = sorted(str(file.relative_to(TOP)) for file in (TOP / "tests").rglob("test_*.py"))
    return [files[number::PARTS] for number in range(PARTS)]


def run_threaded_tests(compiler: str, seconds: int) -> int:
    """Run the tests of what threads share under TSan; return the number of findings and failures."""
    preloaded = runtime(compiler, "tsan")
    if preloaded is None:
        print(f"{compiler} has no ThreadSanitizer for shared libraries here: the tests do not run under it")
        return 0
    log = fresh(FOLDER / "thread.log")
    library = build(FOLDER / "thread-python", compiler, THREAD)
    # Python itself is not built with it, but its locks are seen: only our accesses are compared.
    options = {"TSAN_OPTIONS": f"exitcode=0:report_signal_unsafe=0:log_path={log / 'report'}"}
    code, text = run([*PYTEST, *THREADED_TESTS], environment(library, (preloaded,), options), seconds)
    return report(f"ThreadSanitizer: {count_in(text)}", code, text, reports(log))


def check_leaks(library: Path, compiler: str, seconds: int) -> int:
    """Run what fails at every byte under LeakSanitizer; return the number of findings."""
    log = fresh(FOLDER / "leak.log")
    env = address_environment(library, compiler, log, {"ASAN_OPTIONS": LEAK_OPTIONS})
    code, text = run(LEAK_PROGRAM, env, seconds)
    found = reports(log)
    leaks = [leak for file in found for leak in leaks_of_ours(file.read_text(errors="replace"))]
    ours = FOLDER / "leaks.txt"
    ours.write_text("\n\n".join(leaks))
    return report(f"LeakSanitizer: {text.strip()[-100:]}", code, text, [ours] if leaks else [])


def leaks_of_ours(text: str) -> list[str]:
    """Return the records of a leak report that one of our extensions is part of."""
    records = [record for record in re.split(r"\n\s*\n", text) if " leak of " in record]
    return [record for record in records if OURS.search(record) and not IMPORT.search(record)]


def address_environment(library: Path, compiler: str, log: Path, options: dict[str, str]) -> dict[str, str]:
    """Return the environment of a build under ASan; its reports go to a folder."""
    # libstdc++ first: ASan wants to know what throws before anything does.
    preloaded = (runtime(compiler, "asan"), library_of(compiler, "libstdc++.so.6"))
    asan = f"{options['ASAN_OPTIONS']}:allocator_may_return_null=1:log_path={log / 'report'}"
    return environment(library, preloaded, {**options, "ASAN_OPTIONS": asan})


def run(arguments: list[str], env: dict[str, str], seconds: int) -> tuple[int, str]:
    """Run Python; return its exit code and what it said."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=TOP,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            text, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the servers that the tests have started, too
            text, _ = process.communicate()
            return 1, f"{text}\nnot done within {seconds} s"
    return process.returncode, text


def count_in(text: str) -> str:
    """Return what pytest counted."""
    counts = COUNT.findall(text)
    return counts[-1] if counts else "no test has run"


def report(what: str, code: int, text: str, files: list[Path]) -> int:
    """Print what a run has brought; return the number of findings."""
    print(f"{what}; {len(files)} reports", flush=True)
    if code != 0:
        print("\n".join(line[:200] for line in text.splitlines()[-60:]))
    for file in files:
        print(f"--- {file}")
        print("\n".join(line[:200] for line in file.read_text(errors="replace").splitlines()[:60]))
    return len(files) + (code != 0)


def fresh(folder: Path) -> Path:
    """Return the folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def reports(log: Path) -> list[Path]:
    """Return the reports that sanitizers have written, of this process and its children."""
    return sorted(file for file in log.iterdir() if file.stat().st_size)


def check_threads(compiler: str) -> int:
    """Run the C checks that have threads under ThreadSanitizer; return the number that found something."""
    folder = FOLDER / "thread"
    folder.mkdir(parents=True, exist_ok=True)
    if runtime(compiler, "tsan") is None and library_of(compiler, "libclang_rt.tsan-x86_64.a") is None:
        print(f"{compiler} has no ThreadSanitizer here: the C checks do not run under it")
        return 0
    kernels = [str(file) for file in sorted((TOP / "csrc").glob("*.c"))]
    failed = []
    for name in THREADED:
        program = folder / name
        source = TOP / "csrc" / "check" / f"{name}.c"
        command = [
            compiler,
            "-std=c11",
            "-g",
            "-O1",
            *THREAD,
            "-Icsrc",
            str(source),
            *kernels,
            "-o",
            str(program),
        ]
        subprocess.run([*command, "-pthread"], cwd=TOP, check=True)
        done = subprocess.run([program], check=False, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            failed.append(name)
            print("\n".join(line[:200] for line in done.stderr.splitlines()[:60]))
    print(
        f"ThreadSanitizer: {len(THREADED) - len(failed)} of {len(THREADED)} C checks with threads pass",
        flush=True,
    )
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
