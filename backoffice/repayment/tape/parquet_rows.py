"""`python -m backoffice.repayment.tape.parquet_rows FILE BYTES`: the rows of a Parquet file as CSV on standard output.

A program of its own with a limit on its memory (address space, BYTES): a damaged or hostile file ends this process
and not the one that asked. What is wrong is one line of JSON on standard error, {"code", "field", "params"}, with a
status that is not 0.
"""

import json
import resource
import sys
from pathlib import Path

import polars

BATCH_ROWS = 50_000
FLOATS = ("Float32", "Float64", "Float16")
READ_AS_TEXT = (
    "String",
    "Categorical",
    "Enum",
    "Decimal",
    "Date",
    "Boolean",
    "Null",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
)


def main(path: Path, memory: int) -> int:
    """Write the rows within `memory` bytes; the exit status."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        lazy = polars.scan_parquet(path, glob=False)
        schema = lazy.collect_schema()
        for name, kind in schema.items():
            base = str(kind.base_type())
            if base in FLOATS:
                return _refuse("parquet_float", field=name)
            if base not in READ_AS_TEXT:
                return _refuse("parquet_type", field=name, kind=str(kind))
        sys.stdout.buffer.write(polars.DataFrame(schema=schema).write_csv().encode())
        offset = 0
        while True:
            rows = lazy.slice(offset, BATCH_ROWS).collect()
            if rows.is_empty():
                break
            offset += len(rows)
            sys.stdout.buffer.write(rows.write_csv(include_header=False).encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return 0
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError, MemoryError, ValueError) as error:
        return _refuse("parquet_damaged", detail=str(error).splitlines()[0] if str(error) else type(error).__name__)
    return 0


def _refuse(code: str, *, field: str = "", **params: str) -> int:
    sys.stderr.write(json.dumps({"code": code, "field": field, "params": params}) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
