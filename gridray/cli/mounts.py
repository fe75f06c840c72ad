"""The datastores of a run, as commands tell of them."""

from gridray.archive import shown
from gridray.cli import planshapes
from gridray.datastores.catalog import Mount
from gridray.datastores.names import default_mount_dir
from gridray.records import DatastoreRecord


def asked(mount: Mount) -> planshapes.Mount:
    place = mount.mount_dir or default_mount_dir(mount.name)
    return planshapes.Mount(mount.name, mount.version, place)


def mounted(record: DatastoreRecord) -> planshapes.Mount:
    return planshapes.Mount(record.name, record.version, record.mount_dir)


def mount_text(mount: planshapes.Mount) -> str:
    version = "the newest version" if mount.version is None else f"version {mount.version}"
    return f"{mount.name}, {version}, at {shown(mount.mount_dir)}"
