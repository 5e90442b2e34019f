"""Makes mixed-snappy.parquet, mixed-zstd.parquet and nested.parquet, as pyarrow writes them.

    python3 -m venv venv && venv/bin/pip install pyarrow==26.0.1
    venv/bin/python mixed.py
"""

import datetime
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent

table = pa.table(
    {
        "id": pa.array([1, 2, 3, 4], pa.int64()),
        "age": pa.array([54.5, None, 61.25, float("nan")], pa.float64()),
        "ward": pa.array(["MICU", "CCU", None, "MICU"]).dictionary_encode(),
        "admitted": pa.array([datetime.date(2008, 2, 29), None, datetime.date(1969, 12, 31), datetime.date(2012, 1, 1)]),
        "seen": pa.array([datetime.datetime(2008, 2, 29, 12, 30, 5), datetime.datetime(2009, 1, 1), None, None], pa.timestamp("us")),
        "dose": pa.array([decimal.Decimal("1.50"), decimal.Decimal("-0.05"), None, decimal.Decimal("12.00")], pa.decimal128(9, 2)),
        "died": pa.array([True, False, None, False]),
        "weight": pa.array([70.5, None, 0.1, 3.0], pa.float32()),
    }
)
for codec in ["snappy", "zstd"]:
    pq.write_table(table, HERE / f"mixed-{codec}.parquet", compression=codec, row_group_size=3, store_decimal_as_integer=True)
pq.write_table(pa.table({"id": [1], "drugs": [["a", "b"]]}), HERE / "nested.parquet")
