"""Files where Spark keeps them: a disk, HDFS, or an object store that Hadoop has a driver for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Files:
    """Hadoop's file systems, as the session is configured for them. Paths are URIs."""

    def __init__(self, spark: SparkSession) -> None:
        context = spark.sparkContext
        self._jvm: Any = context._jvm
        self._settings: Any = context._jsc.hadoopConfiguration()

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        system, place = self._at(path)
        return bool(system.exists(place))

    def write_text(self, path: str, text: str) -> None:
        """Write a small file, over what is there."""
        system, place = self._at(path)
        stream = system.create(place, True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()

    def read_text(self, path: str) -> str:
        """What is in a small file."""
        system, place = self._at(path)
        stream = system.open(place)
        try:
            return bytes(stream.readAllBytes()).decode()
        finally:
            stream.close()

    def rename(self, path: str, to: str) -> bool:
        """One step on a disk and on HDFS; an object store copies. False: it is not done."""
        system, place = self._at(path)
        return bool(system.rename(place, self._jvm.org.apache.hadoop.fs.Path(to)))

    def remove(self, path: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        system, place = self._at(path)
        system.delete(place, True)

    def _at(self, path: str) -> tuple[Any, Any]:
        place = self._jvm.org.apache.hadoop.fs.Path(path)
        return place.getFileSystem(self._settings), place
