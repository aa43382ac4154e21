"""Group F1: child processes, which must neither have our descriptors nor our associations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from immunity.harness import Victim, attack, echo, release
from raw_peer import data_set, echo_rq, store_rq

HERE = Path(__file__).parent


def test_f1_every_descriptor_is_closed_on_exec(victim: Victim) -> None:
    """Those of the listener, of connections in each state, of wakers and pollers, of files in progress."""
    with attack(victim, room=4, network_timeout=20.0) as attacker:
        idle = attacker.associate()
        attacker.connect()
        receiving = attacker.associate()
        receiving.send(*store_rq(data_set(2 << 20))[:-1])  # into a file
        rejected = attacker.connect()
        rejected.send(b"GET /")
        attacker.bystander.keep_on()
        flags = victim.tell("descriptor_flags")
        assert len(flags) >= 6
        assert [row for row in flags if not row[1]] == []
        echo(idle)
        release(idle)


def test_f1_a_child_that_is_executed_has_none_of_them(victim: Victim) -> None:
    """A handler runs another program, without closing anything itself."""
    with attack(victim, behaviour="list descriptors of a child") as attacker:
        attacker.connect()
        peer = attacker.associate(calling=b"MISBEHAVE")
        peer.send(*store_rq(data_set(2 << 20)))
        assert peer.receive_message()[1][0x0900] == 0x0000
        names = victim.look().answers[-1]
        assert [name for name in names if "socket:" in name or "anon_inode" in name] == []
        assert [name for name in names if str(victim.directory) in name] == []
        release(peer)


FORKING = """
import json, os, sys, threading, time
from fastdicom import AE, evt, build_context
from fastdicom.sop_class import Verification

ae = AE()
ae.add_supported_context(Verification)
forked = []

def handle(event):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:  # what a child may do: leave, or execute something else
        if sys.argv[1] == "exits":
            os._exit(7)
        if sys.argv[1] == "executes":
            os.execv(sys.executable, [sys.executable, "-c", "import sys; sys.exit(7)"])
        if sys.argv[1] == "stays":
            time.sleep(60)
            os._exit(7)
        # of the objects that it has inherited none may be used; that they go away must do no harm
        del event
        import gc
        gc.collect()
        os._exit(7)
    forked.append(pid)
    return 0x0000

server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, handle)])
print(server.server_address[1], flush=True)
for line in sys.stdin:
    if line.strip() == "end":
        break
    print(json.dumps(forked), flush=True)
ae.shutdown()
for pid in forked:
    if sys.argv[1] == "stays":
        os.kill(pid, 9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (7, -9)
print("done", flush=True)
"""


@pytest.mark.parametrize("child", ["exits", "executes", "stays", "collects"])
def test_f1_fork_while_serving(child: str) -> None:
    """In a handler, with all the threads there are: the parent goes on, and the child serves nobody."""
    from immunity.bystander import established

    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        port = int(process.stdout.readline())
        with established(port) as other, established(port) as peer:
            for number in range(1, 4):
                peer.send(echo_rq(number))
                assert peer.receive_message()[1][0x0120] == number
                echo_of_another(other, number)
            release(peer)
            # Of a child that lives on the connection is still open, but nobody speaks on it.
            if child != "stays":
                assert peer.receive_all() == []
            release(other)
        process.stdin.write("\n")
        process.stdin.flush()
        assert len(json.loads(process.stdout.readline())) == 6
        output, _ = process.communicate("end\n", timeout=20)
        assert output.strip() == "done" and process.returncode == 0
        with pytest.raises(OSError):
            established(port)  # not even a child that lives on accepts anybody
    finally:
        process.kill()
        process.wait()


def echo_of_another(peer: Any, number: int) -> None:
    echo(peer, number + 100)
