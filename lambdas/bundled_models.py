"""A botocore session that reads the trimmed models of `models/`, which `trim_models.py` writes.

The Lambda runtime's botocore may be older or newer than the one that the models were cut from. That
is safe, because a service model describes the service's wire format, which a service keeps, and
botocore reads models from other places by design (its `data_path` setting). Endpoint rules,
partitions, paginators and retry rules always come from the installed botocore. `endpoints.json`,
the older table that botocore still looks into (1.2 MiB), is cut down as well; a region that it does
not list follows its partition's pattern. Should a newer botocore bring a newer API version of a
service, botocore picks that version's own full model: slower, and right.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import botocore.session
from botocore.loaders import Loader

MODELS = Path(__file__).parent / "models"

# botocore's credential providers ask for these when it runs on a developer's profile.
_CREDENTIAL_SERVICES = ("sts", "sso", "sso-oidc", "signin")


class _BundledModels(Loader):
    """Reads the bundle's models first, botocore's own where the bundle has none."""

    def list_available_services(self, type_name: str) -> list[str]:
        # botocore would read the folders of all its 400 services here, once per kind of file,
        # only to see whether the one asked for exists.
        bundled = sorted(folder.name for folder in MODELS.iterdir() if folder.is_dir())
        return [*bundled, *_CREDENTIAL_SERVICES]


@cache
def session() -> botocore.session.Session:
    new_session = botocore.session.get_session()
    new_session.register_component("data_loader", _BundledModels(extra_search_paths=[str(MODELS)]))
    return new_session
