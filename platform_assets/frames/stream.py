"""The rows of a lazy frame in batches; errors during the computation are raised, including panics."""

from collections.abc import Iterator
from queue import Queue
from threading import Event, Thread

import polars as pl


def stream(frame: pl.LazyFrame, rows_at_once: int | None = None) -> Iterator[pl.DataFrame]:
    """The rows in order.

    When Polars panics, `LazyFrame.collect_batches` ends as if there were no more rows; here the panic is raised. Polars still computes
    about 25 batches ahead, so small batches bound memory.
    """
    taken: Queue[pl.DataFrame | _End] = Queue(maxsize=1)
    stopped = Event()

    def put(batch: pl.DataFrame) -> bool:
        taken.put(batch)
        return stopped.is_set()

    def compute() -> None:
        try:
            frame.sink_batches(put, chunk_size=rows_at_once)
            taken.put(_End(None))
        except BaseException as error:
            taken.put(_End(error))

    thread = Thread(target=compute, name="platform-assets-stream", daemon=True)
    thread.start()
    end = _End(None)
    try:
        while not isinstance(found := taken.get(), _End):
            yield found
        end = found
    finally:
        stopped.set()
        while thread.is_alive():  # drops the batches that wait to be consumed
            if not taken.empty():
                taken.get_nowait()
            thread.join(0.01)
    if end.error is not None:
        raise end.error


class _End:
    """Marks the end of the rows, with the error if there was one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
