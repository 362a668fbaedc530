import subprocess
import sys

HEAVY = ("boto3", "botocore", "aws_cdk", "ministack", "pipeline_defs", "ratchet.local_cloud")


def test_help_answers_without_importing_what_only_commands_need() -> None:
    program = (
        "import sys\n"
        "sys.argv = ['ratchet', '--help']\n"
        "from ratchet.cli.main import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "deploy" in done.stdout
    assert done.stdout.splitlines()[-1] == "HEAVY []"
