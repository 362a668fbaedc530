"""Processing steps: what their programs find, what is kept of what they leave."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ratchet.runner import StopSignal
from tests.runner.workbench import (
    Recording,
    Workbench,
    definition,
    get,
    join,
    output_uri,
    processing,
    python,
)

pytestmark = pytest.mark.jobs


def test_data_goes_in_and_out_and_on_to_the_next_step(workbench: Workbench) -> None:
    workbench.put("s3://data/raw/a.txt", "one")
    copy = "cp /opt/ml/processing/input/raw/a.txt /opt/ml/processing/output/out/b.txt"
    first = processing(
        "first", ["/bin/sh", "-c", copy], inputs={"raw": "s3://data/raw/"}, outputs=["out"]
    )
    shout = "tr a-z A-Z < /opt/ml/processing/input/x/b.txt > /opt/ml/processing/output/loud/c.txt"
    second = processing(
        "second",
        ["/bin/sh", "-c", shout],
        inputs={"x": output_uri("first", "out")},
        outputs=["loud"],
    )
    result = workbench.run(definition(first, second))
    assert result.status == "Succeeded"
    assert workbench.text("s3://artifacts/runs/run1/second/loud/c.txt") == "ONE"


def test_arguments_and_environment_lead_into_the_steps_own_folder(
    workbench: Workbench, seen: Callable[[str], str]
) -> None:
    show = "import os, sys; print(sys.argv[1]); print(os.environ['WHERE']); print(os.getcwd())"
    step = processing(
        "show",
        python(show),
        arguments=["--in=/opt/ml/processing/input"],
        environment={"WHERE": "file:///opt/ml/x:/opt/ml", "N": get("Parameters.N")},
    )
    workbench.run(
        definition(step, parameters=[{"Name": "N", "Type": "Integer", "DefaultValue": 3}])
    )
    ml = seen("show")
    assert workbench.observer.output("show") == [
        f"--in={ml}/processing/input",
        f"file://{ml}/x:{ml}",
        str(workbench.workdir / "show"),
    ]


def test_s3_uris_and_longer_names_are_no_paths_of_the_container(workbench: Workbench) -> None:
    arguments = ["s3://bucket/opt/ml/x", "/opt/mlops/x", "/mnt/opt/ml"]
    step = processing("show", python("import sys; print(*sys.argv[1:])"), arguments=arguments)
    workbench.run(definition(step))
    assert workbench.observer.output("show") == [" ".join(arguments)]


def test_configuration_files_are_where_the_container_has_them(
    workbench: Workbench, seen: Callable[[str], str]
) -> None:
    read = """
        import sys
        for name in ("processingjobconfig", "resourceconfig"):
            print(open(f"{sys.argv[1]}/{name}.json").read())
    """
    workbench.put("s3://data/raw/a", "1")
    step = processing(
        "show", python(read), arguments=["/opt/ml/config"], inputs={"raw": "s3://data/raw/"}
    )
    result = workbench.run(definition(step))
    job, resources = map(json.loads, workbench.observer.output("show"))
    assert resources == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert job["ProcessingJobName"] == result.step("show").job_name
    local = job["ProcessingInputs"][0]["S3Input"]["LocalPath"]
    assert local == f"{seen('show')}/processing/input/raw"


def test_python_is_the_one_that_runs_the_runner(workbench: Workbench) -> None:
    workbench.run(definition(processing("show", python("import sys; print(sys.executable)"))))
    (shown,) = workbench.observer.output("show")
    assert Path(shown).parent == Path(sys.executable).parent


def test_nothing_of_the_person_is_in_a_steps_environment(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = {
        "PYTHONPATH": "/somewhere",
        "SM_MODEL_DIR": "/elsewhere",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "AKIAPERSON",
        "AWS_PROFILE": "person",
        "GOOGLE_APPLICATION_CREDENTIALS": "/home/person/key.json",
        "HTTPS_PROXY": "http://person:secret@proxy",
        "PIP_INDEX_URL": "https://person:secret@index",
        "SSH_AUTH_SOCK": "/tmp/agent",
    }
    for name, value in persons.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    show = python("import json, os; print(json.dumps(dict(os.environ)))")
    workbench.run(definition(processing("show", show)), environment={"EXTRA": "yes"})
    (line,) = workbench.observer.output("show")
    shown = json.loads(line)
    assert not [name for name, value in persons.items() if shown.get(name) == value]
    expected = {"AWS_REGION": "eu-west-1", "EXTRA": "yes", "OMP_NUM_THREADS": "2"}
    assert {name: shown.get(name) for name in expected} == expected
    assert shown["AWS_SHARED_CREDENTIALS_FILE"] == shown["AWS_CONFIG_FILE"] == os.devnull


def test_the_home_folder_of_a_step_is_its_own(workbench: Workbench) -> None:
    look = "from pathlib import Path; print(Path.home(), *Path.home().iterdir())"
    workbench.run(definition(processing("show", python(look))))
    (home,) = workbench.observer.output("show")  # and nothing is in it
    assert home != str(Path.home())


def test_a_folder_with_a_space_and_a_quote_in_its_name_does_no_harm(tmp_path: Path) -> None:
    workbench = Workbench(tmp_path / "it's a laptop")
    workbench.put("s3://data/raw/a.txt", "one")
    command = "cat /opt/ml/processing/input/raw/*.txt > /opt/ml/processing/output/out/b.txt"
    step = processing(
        "s", ["/bin/sh", "-c", command], inputs={"raw": "s3://data/raw/"}, outputs=["out"]
    )
    result = workbench.run(definition(step))
    assert result.status == "Succeeded", result.failure_reason
    assert workbench.text("s3://artifacts/runs/run1/s/out/b.txt") == "one"


def listing(workbench: Workbench, source: object) -> list[str]:
    show = """
        import os, sys
        top = sys.argv[1]
        for folder, _, names in os.walk(top):
            for name in names:
                print(os.path.relpath(os.path.join(folder, name), top))
    """
    arguments = ["/opt/ml/processing/input/raw"]
    step = processing("show", python(show), arguments=arguments, inputs={"raw": source})
    result = workbench.run(definition(step))
    assert result.status == "Succeeded", result.failure_reason
    return sorted(workbench.observer.output("show"))


def test_a_prefix_takes_every_key_that_starts_with_it(workbench: Workbench) -> None:
    for key in ("raw/a.csv", "raw/2013-01/b.csv", "raw-old/c.csv", "other/d.csv"):
        workbench.put(f"s3://data/{key}", key)
    assert listing(workbench, "s3://data/raw/") == ["2013-01/b.csv", "a.csv"]
    # Without the slash the neighbour matches too, as it does in S3.
    assert listing(workbench, "s3://data/raw") == ["2013-01/b.csv", "a.csv", "raw-old/c.csv"]


def test_an_object_named_in_full_goes_in_under_its_name(workbench: Workbench) -> None:
    workbench.put("s3://data/models/model.tar.gz", "m")
    assert listing(workbench, "s3://data/models/model.tar.gz") == ["model.tar.gz"]


def test_a_manifest_keeps_relative_paths_whatever_the_keys_are(workbench: Workbench) -> None:
    keys = ["2013-01/a b.csv", "2013-01/ä+%20&.csv", "2013-02/深/c.csv"]
    for key in [*keys, "2013-03/not-listed.csv"]:
        workbench.put(f"s3://data/raw/{key}", key)
    uri = workbench.put("s3://artifacts/m.json", [{"prefix": "s3://data/raw/"}, *keys])
    assert listing(workbench, {"S3Uri": uri, "S3DataType": "ManifestFile"}) == sorted(keys)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (["a"], "does not begin with"),
        ([], "does not begin with"),
        ([{"prefix": "s3://data/"}, "missing.csv"], "no object s3://data/missing.csv"),
        ([{"prefix": "s3://data/"}, {"a": 1}], "something that is no key"),
        ("nonsense", "is not JSON"),
    ],
)
def test_a_manifest_that_cannot_be_followed_fails_the_step(
    workbench: Workbench, manifest: object, message: str
) -> None:
    uri = workbench.put("s3://artifacts/m.json", manifest)  # type: ignore[arg-type]
    source = {"S3Uri": uri, "S3DataType": "ManifestFile"}
    result = workbench.run(definition(processing("a", python("pass"), inputs={"raw": source})))
    assert result.status == "Failed"
    assert message in str(result.step("a").failure_reason)


def test_a_key_that_climbs_out_of_the_folder_is_refused(workbench: Workbench) -> None:
    uri = workbench.put("s3://artifacts/m.json", [{"prefix": "s3://data/raw/"}, "../../x"])
    source = {"S3Uri": uri, "S3DataType": "ManifestFile"}
    result = workbench.run(definition(processing("a", python("pass"), inputs={"raw": source})))
    assert "leads out of the input's folder" in str(result.step("a").failure_reason)


def test_an_input_without_objects_fails_as_on_sagemaker(workbench: Workbench) -> None:
    step = processing("a", python("pass"), inputs={"raw": "s3://data/empty/"})
    result = workbench.run(definition(step))
    reason = str(result.step("a").failure_reason)
    assert reason.startswith("ClientError: No S3 objects found under S3 URL 's3://data/empty/'")


def test_an_output_that_stays_empty_is_no_failure(workbench: Workbench) -> None:
    result = workbench.run(definition(processing("a", python("pass"), outputs=["out"])))
    assert result.status == "Succeeded"
    assert workbench.storage.list("s3://artifacts/") == []


def test_the_record_is_what_describe_processing_job_returns(workbench: Workbench) -> None:
    write = "mkdir -p /opt/ml/output; echo all good > /opt/ml/output/message"
    step = processing("a", ["/bin/sh", "-c", write], outputs=["out"])
    step["Arguments"]["Tags"] = [{"Key": "run", "Value": get("Execution.PipelineExecutionId")}]
    experiment = {"ExperimentName": join("x", 1), "TrialName": get("Execution.PipelineExecutionId")}
    document = definition(step, PipelineExperimentConfig=experiment)
    record = workbench.run(document).step("a")
    described = record.properties
    assert described["ProcessingJobStatus"] == "Completed"
    assert described["ExitMessage"] == "all good"
    assert described["ExperimentConfig"] == {"ExperimentName": "x1", "TrialName": "run1"}
    assert described["ProcessingJobArn"].endswith(f":processing-job/{record.job_name}")
    assert described["ProcessingStartTime"] <= described["ProcessingEndTime"]
    assert "Tags" not in described
    assert record.arguments["Tags"] == [{"Key": "run", "Value": "run1"}]
    assert record.end_time is not None
    assert record.start_time <= record.end_time
    assert workbench.observer.statuses("a") == ["Starting", "Executing", "Succeeded"]


def test_a_running_step_tells_its_process_group(workbench: Workbench) -> None:
    workbench.run(definition(processing("a", python("import os; print(os.getpgid(0))"))))
    (shown,) = workbench.observer.output("a")
    groups = {record.process_group for record in workbench.observer.changes}
    assert groups == {None, int(shown)}
    assert workbench.observer.changes[-1].process_group is None


def test_a_crash_fails_the_run_with_the_last_lines(workbench: Workbench) -> None:
    crash = "import sys; print('loading'); sys.exit('ValueError: no column AIR_TIME')"
    result = workbench.run(definition(processing("a", python(crash), outputs=["out"])))
    record = result.step("a")
    assert record.failure_reason == "AlgorithmError: ValueError: no column AIR_TIME, exit code: 1"
    assert record.properties["FailureReason"] == record.failure_reason
    assert record.properties["ProcessingJobStatus"] == "Failed"
    assert result.failure_reason == (
        "Step failure: One or multiple steps failed. "
        "a: AlgorithmError: ValueError: no column AIR_TIME, exit code: 1"
    )


def test_a_message_file_tells_more_than_the_last_lines(workbench: Workbench) -> None:
    crash = "mkdir -p /opt/ml/output; echo column missing > /opt/ml/output/message; exit 3"
    record = workbench.run(definition(processing("a", ["/bin/sh", "-c", crash]))).step("a")
    assert record.failure_reason == "AlgorithmError: column missing, exit code: 3"
    assert record.properties["ExitMessage"] == "column missing"


def test_a_long_error_keeps_its_end_within_the_services_limit(workbench: Workbench) -> None:
    crash = (
        "import sys; [print('x' * 300, file=sys.stderr) for _ in range(50)]; sys.exit('the end')"
    )
    reason = str(workbench.run(definition(processing("a", python(crash)))).step("a").failure_reason)
    assert len(reason) <= 1024
    assert reason.endswith("the end, exit code: 1")


def test_a_killed_process_has_its_signals_exit_code_and_a_hint(workbench: Workbench) -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    reason = str(workbench.run(definition(processing("a", python(kill)))).step("a").failure_reason)
    assert "exit code: 137 (killed: perhaps this machine ran out of memory)" in reason


@pytest.mark.usefixtures("rewriting")
def test_a_script_that_hard_codes_opt_ml_gets_a_hint_where_it_cannot_see_it(
    workbench: Workbench,
) -> None:
    parts = "open('/opt' + '/ml/processing/input/nowhere.csv')"
    reason = str(workbench.run(definition(processing("a", python(parts)))).step("a").failure_reason)
    assert "because this is a test: take the path from an argument or an SM_ variable" in reason


def test_a_missing_file_of_the_steps_own_folder_gets_no_such_hint(workbench: Workbench) -> None:
    step = processing("a", ["cat", "/opt/ml/processing/input/nowhere.csv"])
    reason = str(workbench.run(definition(step)).step("a").failure_reason)
    assert "nowhere.csv" in reason
    assert "SM_ variable" not in reason


@pytest.mark.usefixtures("seen")
def test_a_program_that_is_not_there_fails_the_step(workbench: Workbench) -> None:
    record = workbench.run(definition(processing("a", ["no-such-program"]))).step("a")
    assert record.failure_reason == (
        "ClientError: cannot start 'no-such-program': No such file or directory"
    )


def test_output_is_streamed_and_kept_line_by_line(workbench: Workbench) -> None:
    talk = "import sys; print('a\\n\\nb', end=''); print('err', file=sys.stderr)"
    workbench.run(definition(processing("a", python(talk))))
    assert workbench.observer.output("a") == ["a", "", "b"]
    assert workbench.observer.output("a", "stderr") == ["err"]
    assert (workbench.workdir / "a" / "stdout.log").read_bytes() == b"a\n\nb"
    assert (workbench.workdir / "a" / "stderr.log").read_bytes() == b"err\n"


def test_lines_arrive_while_the_program_still_runs(workbench: Workbench) -> None:
    # The program ends only once the observer has seen its line.
    flag = workbench.folder / "seen"
    wait = f"""
        import os, sys, time
        print("ready")
        for _ in range(1000):
            if os.path.exists({str(flag)!r}):
                sys.exit(0)
            time.sleep(0.01)
        sys.exit(1)
    """
    observer = Recording()
    observer.on_line = lambda line: flag.touch()
    result = workbench.run(definition(processing("a", python(wait))), observer=observer)
    assert result.status == "Succeeded"


def test_bytes_that_are_no_utf8_are_kept_as_they_are_and_shown_replaced(
    workbench: Workbench,
) -> None:
    talk = "import sys; sys.stdout.buffer.write('é深'.encode() + b'\\xff\\xfe\\r\\n' + b'ok')"
    workbench.run(definition(processing("a", python(talk))))
    assert workbench.observer.output("a") == ["é深\ufffd\ufffd", "ok"]
    kept = (workbench.workdir / "a" / "stdout.log").read_bytes()
    assert kept == "é深".encode() + b"\xff\xfe\r\nok"


def test_a_huge_line_comes_in_pieces_that_add_up(workbench: Workbench) -> None:
    talk = "import sys; sys.stdout.write('深' * 200_001 + '\\nend\\n')"
    workbench.run(definition(processing("a", python(talk))))
    *pieces, last = workbench.observer.output("a")
    assert last == "end"
    assert "".join(pieces) == "深" * 200_001
    assert len(pieces) > 1


def test_a_child_that_outlives_its_parent_ends_with_it(workbench: Workbench) -> None:
    leave = "sleep 60 & echo $!; exit 0"
    result = workbench.run(definition(processing("a", ["/bin/sh", "-c", leave])))
    assert result.status == "Succeeded"
    (pid,) = workbench.observer.output("a")
    assert not is_alive(int(pid))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_job_that_runs_too_long_is_ended(workbench: Workbench) -> None:
    step = processing("a", ["sleep", "60"])
    step["Arguments"]["StoppingCondition"] = {"MaxRuntimeInSeconds": 1}
    result = workbench.run(definition(step), stop=StopSignal(grace_seconds=0.1))
    assert result.status == "Failed"
    assert result.step("a").failure_reason == (
        "ClientError: the job ran longer than MaxRuntimeInSeconds (1)"
    )


def test_the_data_of_a_step_stays_only_when_it_failed(workbench: Workbench) -> None:
    good = processing("good", python("pass"), outputs=["out"])
    bad = processing("bad", python("raise SystemExit(1)"), outputs=["out"], depends_on=["good"])
    workbench.run(definition(good, bad))
    assert not (workbench.workdir / "good" / "opt" / "ml" / "processing").exists()
    assert (workbench.workdir / "good/opt/ml/config/processingjobconfig.json").exists()
    assert (workbench.workdir / "good" / "stdout.log").exists()
    assert (workbench.workdir / "bad" / "opt" / "ml" / "processing" / "output" / "out").is_dir()


def test_a_program_that_closes_its_output_is_waited_for(workbench: Workbench) -> None:
    quiet = "import os, sys, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(3)"
    record = workbench.run(definition(processing("a", python(quiet)))).step("a")
    assert record.failure_reason == "AlgorithmError: the program said nothing, exit code: 3"


def test_a_program_that_left_the_group_does_not_hold_the_step(workbench: Workbench) -> None:
    leave = """
        import subprocess, sys
        command = [sys.executable, "-c", "import time; time.sleep(20)"]
        print(subprocess.Popen(command, start_new_session=True).pid)
    """
    began = time.monotonic()
    assert workbench.run(definition(processing("a", python(leave)))).status == "Succeeded"
    assert time.monotonic() - began < 10
    psutil.Process(int(workbench.observer.output("a")[0])).kill()
