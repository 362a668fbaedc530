"""The environment of every child process: what a program needs to run, and nothing of the person.

It is built from a list of what is allowed. A list of what is forbidden would miss the next variable
that holds a key: a profile, a proxy with a password, a token of pip, an agent's socket.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

_ALLOWED = frozenset(
    {
        "JAVA_HOME",
        "LANG",
        "LANGUAGE",
        "PATH",
        # Where this machine keeps the certificates that it trusts; no secrets.
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TZ",
    }
)
_ALLOWED_PREFIXES = ("DYLD_", "GOMP_", "KMP_", "LC_", "LD_", "MKL_", "OMP_", "OPENBLAS_")
_LOOPBACK = "127.0.0.1,localhost"


def variables(home: Path, *, host: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a child process may have of this machine's.

    ``home`` is made, and is its home folder: ``~/.aws`` and ``~/.netrc`` are not there. ``host``:
    the environment to take from, this process's unless given.
    """
    home.mkdir(parents=True, exist_ok=True)
    sealed = {
        name: value
        for name, value in (os.environ if host is None else host).items()
        if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)
    }
    sealed["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{sealed.get('PATH', os.defpath)}"
    sealed["HOME"] = str(home)
    if site.ENABLE_USER_SITE:  # packages may be installed below the home folder that is not seen
        sealed["PYTHONUSERBASE"] = site.getuserbase()
    return {**sealed, **NOBODY}


NOBODY: Mapping[str, str] = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "BOTO_CONFIG": os.devnull,  # botocore still looks for keys in /etc/boto.cfg
    "AWS_EC2_METADATA_DISABLED": "true",
    # The local cloud is on this machine. On macOS this also keeps the system's proxies out.
    "NO_PROXY": _LOOPBACK,
    "no_proxy": _LOOPBACK,
}
"""Variables by which the SDKs of AWS find no credentials but those that a child is given."""
