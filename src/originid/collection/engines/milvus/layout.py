"""The Milvus collection that holds a collection: its fields, partitions and indexes."""

from typing import Any

from originid.collection.engines.milvus.entity import LONGEST_PLACE, PARTITIONS

SCANNED = "BIN_FLAT"  # compares a query with every vector
METRIC = "HAMMING"
_TEXTS = {"place": LONGEST_PLACE, "content": 64, "label": 600}
_FOUND_BY = ("id", "content", "place")  # with an index each


def make_collection(client: Any, name: str, dim: int) -> None:
    """Make a Milvus collection.

    Args:
        client: of pymilvus.
        name: of the collection.
        dim: components of a vector.
    """
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, max_length=100, is_primary=True)
    schema.add_field("signs", DataType.BINARY_VECTOR, dim=-(-dim // 8) * 8)
    schema.add_field("kind", DataType.INT8)
    schema.add_field("id", DataType.INT64)
    for field, longest in _TEXTS.items():
        schema.add_field(field, DataType.VARCHAR, max_length=longest)
    for field in ("details", "thumbnail", "described"):
        schema.add_field(field, DataType.BOOL)
    schema.add_field("value", DataType.JSON)
    schema.add_field("data", DataType.VARCHAR, max_length=65_535)
    # One shard, so that all that is written has one order: who sees the end of a batch sees the
    # whole of it. Searching is still divided among all nodes.
    client.create_collection(name, schema=schema, num_shards=1, consistency_level="Session")
    for partition in PARTITIONS.values():
        client.create_partition(name, partition)
    _index(client, name, "signs", index_type=SCANNED, metric_type=METRIC)
    for field in _FOUND_BY:
        _index(client, name, field, index_type="")


def _index(client: Any, name: str, field: str, **kind: str) -> None:
    params = client.prepare_index_params()
    params.add_index(field, **kind)
    client.create_index(name, params, sync=False)
