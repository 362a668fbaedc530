"""A stop, and other ways to end a run early."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import psutil
import pytest

from ratchet.runner import ServiceError, StopSignal
from tests.runner.workbench import (
    Recording,
    Workbench,
    definition,
    invoke,
    processing,
    python,
    retried,
)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stopping_at(line: str, stop: StopSignal) -> Recording:
    observer = Recording()
    observer.on_line = lambda seen: stop.request() if seen == line else None
    return observer


def test_a_stop_ends_a_step_with_its_grandchildren(workbench: Workbench) -> None:
    # A grandchild that ignores SIGTERM: only the kill of the whole group ends it.
    spawn = """
        import subprocess, sys, time
        code = "import signal, time; signal.signal(15, signal.SIG_IGN); "
        code += "print('up', flush=True); time.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", code])
        print(child.pid)
        time.sleep(60)
    """
    stop = StopSignal(grace_seconds=0.3)
    began = time.monotonic()
    result = workbench.run(
        definition(
            processing("a", python(spawn)), processing("b", python("pass"), depends_on=["a"])
        ),
        stop=stop,
        observer=stopping_at("up", stop),
    )
    assert time.monotonic() - began < 10
    assert result.status == "Stopped"
    assert [(record.name, record.status) for record in result.steps] == [("a", "Stopped")]
    assert workbench.observer.statuses("a") == ["Starting", "Executing", "Stopping", "Stopped"]
    assert result.step("a").properties["ProcessingJobStatus"] == "Stopped"
    pid = next(int(line) for line in workbench.observer.output("a") if line.isdecimal())
    assert not is_alive(pid)


def test_a_stopped_program_is_asked_first(workbench: Workbench) -> None:
    polite = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print("saving"), sys.exit(0)))
        print("up")
        time.sleep(60)
    """
    stop = StopSignal(grace_seconds=20)
    step = processing("a", python(polite))
    result = workbench.run(definition(step), stop=stop, observer=stopping_at("up", stop))
    assert result.status == "Stopped"
    assert workbench.observer.output("a") == ["up", "saving"]


def test_a_stop_waits_for_a_function_that_runs(workbench: Workbench) -> None:
    stop = StopSignal()

    def slow(payload: dict[str, Any]) -> dict[str, Any]:
        stop.request()
        return {"x": "done"}

    workbench.services.functions["f"] = slow
    after = processing("after", python("pass"), depends_on=["f"])
    result = workbench.run(definition(invoke("f", {"x": "String"}), after), stop=stop)
    assert result.status == "Stopped"
    assert result.step("f").status == "Succeeded"
    assert len(result.steps) == 1


def test_a_stop_before_the_start_runs_nothing(workbench: Workbench) -> None:
    stop = StopSignal()
    stop.request()
    result = workbench.run(definition(processing("a", python("pass"))), stop=stop)
    assert (result.status, result.steps) == ("Stopped", ())


def test_a_stop_ends_the_wait_for_a_retry(workbench: Workbench) -> None:
    stop = StopSignal()

    class Stopping(Recording):
        def step_changed(self, record: Any) -> None:
            super().step_changed(record)
            if record.status == "Executing":
                threading.Timer(0.1, stop.request).start()

    error = ServiceError("busy", kind="SageMaker.CAPACITY_ERROR")
    workbench.services.registration_errors = [error]
    step = retried("SageMaker.CAPACITY_ERROR", IntervalSeconds=600)
    result = workbench.run(definition(step), stop=stop, observer=Stopping())
    assert result.status == "Stopped"


def test_an_observer_that_fails_ends_the_run_with_its_error(workbench: Workbench) -> None:
    def broken(line: str) -> None:
        raise RuntimeError("disk full")

    observer = Recording()
    observer.on_line = broken
    noisy = python("import time; print('x' * 1_000_000); time.sleep(60)")
    with pytest.raises(RuntimeError, match="disk full"):
        workbench.run(definition(processing("a", noisy)), observer=observer)


def test_an_interrupt_of_the_thread_that_waits_ends_the_steps(workbench: Workbench) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    observer, waiting = Recording(), threading.get_ident()
    observer.on_line = lambda _: signal.pthread_kill(waiting, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        workbench.run(
            definition(
                processing("a", python(code)),
                processing("b", python("pass"), depends_on=["a"]),
            ),
            observer=observer,
        )
    assert not is_alive(int(observer.output("a")[0]))
    assert observer.statuses("a")[-1] == "Stopped"
    assert observer.statuses("b") == []
