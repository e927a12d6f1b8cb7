"""A client of Cartage that knows nothing but the address: every type comes by reflection.

Walks the road from exports in a folder to a Medusa and prints the accounting as JSON.
Usage: python_client.py ADDRESS TOKEN ACCOUNT EXPORT_FOLDER MEDUSA_URL MEDUSA_KEY
"""

import json
import sys
import time
import uuid

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

GOING = {"PENDING", "RUNNING", "VERIFYING", "PAUSING", "CANCELLING"}
PATIENCE_S = 90


class Cartage:
    """Calls methods by name, with requests and answers as dictionaries."""

    def __init__(self, address, token):
        self.channel = grpc.insecure_channel(address)
        self.metadata = [("authorization", f"Bearer {token}")]
        database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = DescriptorPool(database)
        self.services = sorted(database.get_services())

    def _method(self, service, method):
        found = self.pool.FindServiceByName(f"cartage.v1.{service}").methods_by_name[method]
        kinds = GetMessageClass(found.input_type), GetMessageClass(found.output_type)
        return f"/cartage.v1.{service}/{method}", *kinds

    def call(self, service, method, /, **fields):
        path, asked, answer = self._method(service, method)
        if "request_id" in asked.DESCRIPTOR.fields_by_name:
            fields.setdefault("request_id", str(uuid.uuid4()))
        method = self.channel.unary_unary(path, asked.SerializeToString, answer.FromString)
        request = json_format.ParseDict(fields, asked())
        response = method(request, metadata=self.metadata, timeout=30)
        return json_format.MessageToDict(response, preserving_proto_field_name=True)

    def watch(self, service, method, /, **fields):
        path, asked, answer = self._method(service, method)
        method = self.channel.unary_stream(path, asked.SerializeToString, answer.FromString)
        request = json_format.ParseDict(fields, asked())
        for message in method(request, metadata=self.metadata, timeout=PATIENCE_S):
            yield json_format.MessageToDict(message, preserving_proto_field_name=True)

    def ended(self, service, method, name):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = self.call(service, method, name=name)
            if found["state"] not in GOING:
                return found
            time.sleep(0.1)
        raise TimeoutError(name)


def snapshot(cartage, connection):
    taken = cartage.call("SnapshotService", "CreateSnapshot", parent=connection)["name"]
    taken = cartage.ended("SnapshotService", "GetSnapshot", taken)
    assert taken["state"] == "SUCCEEDED", taken
    test = cartage.call("SnapshotService", "CreateRestoreTest", parent=taken["name"])["name"]
    test = cartage.ended("SnapshotService", "GetRestoreTest", test)
    assert test["verdict"] == "VERDICT_PASSED", test
    return taken["name"]


def refusals(cartage, account):
    """Errors carry their reason for programs in any language."""
    try:
        cartage.call("ConnectionService", "GetConnection", name=f"{account}/connections/none")
        raise AssertionError("it is there")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        assert b"RESOURCE_NOT_FOUND" in details, details


def walk(cartage, account, export, url, key):
    connections = {
        "py-old": {"shopify_csv": {
            "path": export, "time_zone": "Europe/Berlin", "default_currency_code": "EUR",
        }},
        "py-new": {"medusa": {"base_url": url}, "credentials": {"api_key": key}},
    }
    for name, connection in connections.items():
        made = cartage.call(
            "ConnectionService", "CreateConnection",
            parent=account, connection_id=name, connection=connection,
        )
        cartage.call("ConnectionService", "VerifyConnection", name=made["name"])
        made = cartage.ended("ConnectionService", "GetConnection", made["name"])
        assert made["state"] == "ACTIVE", made
    source, target = f"{account}/connections/py-old", f"{account}/connections/py-new"
    migration = cartage.call(
        "MigrationService", "CreateMigration", parent=account,
        migration={"source_connection": source, "target_connection": target},
    )["name"]
    old = snapshot(cartage, source)

    audit = cartage.call("AuditService", "CreateAudit", parent=migration, audit={"snapshot": old})
    findings, ends = 0, None
    for message in cartage.watch("AuditService", "WatchAudit", name=audit["name"]):
        findings += "finding" in message
        ends = message.get("end_of_stream", ends)
    assert ends["reason"] == "REASON_RESOURCE_TERMINAL", ends
    audit = cartage.call("AuditService", "GetAudit", name=audit["name"])
    assert audit["state"] == "SUCCEEDED", audit
    assert findings == int(audit.get("finding_count", 0)), (findings, audit)

    mapping = cartage.call("MappingService", "CreateMapping", parent=migration, mapping={})
    revision = cartage.call(
        "MappingService", "PublishMapping", name=mapping["name"], etag=mapping["etag"],
    )["name"]
    plan = cartage.call(
        "PlanService", "CreatePlan", parent=migration,
        plan={"snapshot": old, "mapping_revision": revision},
    )
    plan = cartage.call(
        "PlanService", "SubmitPlan", name=plan["name"], etag=plan["etag"],
        acknowledged_loss_ids=[it["loss"]["id"] for it in plan.get("losses", [])],
    )
    plan = cartage.call("PlanService", "ApprovePlan", name=plan["name"], etag=plan["etag"])
    assert plan["state"] == "APPROVED", plan
    run = cartage.call(
        "RunService", "CreateRun", parent=migration,
        run={"kind": "RUN_KIND_LIVE", "plan": plan["name"],
             "target_snapshot": snapshot(cartage, target)},
    )
    cartage.call("RunService", "StartRun", name=run["name"], etag=run["etag"])
    for message in cartage.watch("RunService", "WatchRun", name=run["name"]):
        ends = message.get("end_of_stream")
    assert ends["reason"] == "REASON_RESOURCE_TERMINAL", ends
    run = cartage.call("RunService", "GetRun", name=run["name"])
    assert run["state"] == "SUCCEEDED", run
    report = cartage.call(
        "VerificationService", "CreateVerificationReport", parent=run["name"],
    )["name"]
    report = cartage.ended("VerificationService", "GetVerificationReport", report)
    return {
        "services": cartage.services,
        "passed": report.get("passed", False),
        "findings": findings,
        "total": int(run["accounting"]["total"]),
        "unaccounted": int(run["accounting"].get("unaccounted", 0)),
        "migrated": int(run["accounting"]["outcomes"].get("migrated", 0)),
        "changed": int(run["accounting"]["outcomes"].get("changed", 0)),
    }


def main():
    address, token, account, export, url, key = sys.argv[1:]
    cartage = Cartage(address, token)
    refusals(cartage, account)
    print(json.dumps(walk(cartage, account, export, url, key)))


if __name__ == "__main__":
    main()
