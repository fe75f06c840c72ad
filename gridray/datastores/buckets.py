"""Objects below an S3 prefix as the files of a new version."""

import os
from collections.abc import Generator, Iterator

from gridray.archive import shown
from gridray.datastores.manifest import DataFile
from gridray.datastores.parts import LARGE, in_parts
from gridray.errors import DatastoreError, ExistsError, GridrayError, NotFoundError, StoreError
from gridray.store import Store, Tagged


class Bucket:
    """What is below `s3://bucket/prefix`, or the one object of this name."""

    def __init__(self, url: str, *, patient: bool = False) -> None:
        """Name it; nothing is read yet."""
        self._store = Store(url, patient=patient)
        self.reference = self._store.url

    def files(self) -> list[DataFile]:
        try:
            found = self._store.tagged("") or self._single()
        except StoreError as error:
            raise DatastoreError(
                f"the source {self.reference} cannot be listed: {error.message}", hint=error.hint
            ) from error
        parents = {parent for each in found for parent in _parents(each.key)}
        # An empty object with the name of a directory is how some tools make one.
        files = [each for each in found if each.size or each.key not in parents]
        return [DataFile(each.key, each.size, etag=each.etag) for each in files if each.key]

    def _single(self) -> list[Tagged]:
        bucket, _, key = self.reference.removeprefix("s3://").rpartition("/")
        if not bucket:
            return []
        above = Store(f"s3://{bucket}")
        found = above.find_tagged(key)
        if found is None:
            return []
        self._store, self.reference = above, above.url
        return [found]

    def identity(self, file: DataFile) -> str | None:
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        return f"{endpoint}\0{self.reference}\0{file.path}\0{file.size}\0{file.etag}"

    def content(self, file: DataFile) -> Generator[bytes, None, None]:
        def read(start: int, end: int) -> bytes:
            return self._read(file, start, end)

        if file.size > LARGE:
            yield from in_parts(read, file.size)
        elif file.size:
            yield read(0, file.size)

    def _read(self, file: DataFile, start: int, end: int) -> bytes:
        where = f"{self.reference}/{shown(file.path)}"
        try:
            return self._store.get_tagged(Tagged(file.path, file.size, file.etag or ""), start, end)
        except NotFoundError as error:
            raise DatastoreError(f"{where} is not there any more") from error
        except ExistsError as error:
            raise DatastoreError(
                f"{where} has changed since it was listed",
                hint="`gridray datastore create` another version from it",
            ) from error
        except GridrayError as error:
            raise DatastoreError(f"{where} cannot be read: {error.message}") from error


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
