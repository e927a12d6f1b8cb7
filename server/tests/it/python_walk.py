"""Walks the whole road from Shopify's exports to a Medusa, and prints what became of it as JSON.

Usage: python_walk.py SETTINGS, as JSON: `address`, `account`, two tokens (`token`, `approver`), the
folder `export`, and the Medusa's `url` and `key`.
"""

import base64
import json
import sys
import uuid
from collections import Counter, defaultdict
from decimal import Decimal

from python_client import Cartage, until
from python_export import EXCLUDED_TAG, SUMS, Export

CHUNK_BYTES = 8 * 1024
ARRIVED = {"OUTCOME_MIGRATED", "OUTCOME_CHANGED"}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _crc_entry(value):
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


CRC_TABLE = [_crc_entry(value) for value in range(256)]
assert crc32c(b"123456789") == 0xE3069283


class Walk:
    def __init__(self, settings):
        self.cartage = Cartage(settings["address"], settings["token"])
        self.approver = Cartage(settings["address"], settings["approver"])
        self.account, self.settings = settings["account"], settings
        self.export = Export(settings["export"])
        self.source = f"{self.account}/connections/py-old"
        self.target = f"{self.account}/connections/py-new"

    # Before the road

    def refusals(self):
        """Errors carry their reason, and what it is about, for programs in any language."""
        none = f"{self.account}/connections/none"
        refusal = self.cartage.refused(
            "RESOURCE_NOT_FOUND", "ConnectionService", "GetConnection", name=none)
        assert refusal.code.name == "NOT_FOUND" and refusal.info["metadata"]["resource"] == none
        refusal = self.cartage.refused(
            "INVALID_FIELDS", "ConnectionService", "ListConnections",
            parent=self.account, page_size=-1)
        assert refusal.violations[0]["field"] == "page_size", refusal.violations
        assert refusal.violations[0]["reason"] == "NEGATIVE", refusal.violations
        self.approver.refused(
            "SCOPE_MISSING", "ConnectionService", "ListConnections", parent=self.account)

    def upload(self, file_name, data):
        made = self.cartage.call(
            "UploadService", "CreateUpload", parent=self.account,
            upload={"file_name": file_name, "size_bytes": len(data)},
        )
        name, chunks = made["name"], 0
        while (start := int(made.get("committed_size", 0))) < len(data):
            piece = data[start:start + CHUNK_BYTES]
            chunk = {
                "name": name, "offset": start, "crc32c": crc32c(piece),
                "data": base64.b64encode(piece).decode(),
            }
            write = "UploadService", "WriteUploadChunk"
            if not start:
                bad = chunk | {"crc32c": chunk["crc32c"] ^ 1}
                self.cartage.refused("CHECKSUM_MISMATCH", *write, **bad)
                bad = chunk | {"offset": 1}
                self.cartage.refused("UPLOAD_OFFSET_MISMATCH", *write, **bad)
                self.cartage.refused(
                    "UPLOAD_TRUNCATED", "UploadService", "FinalizeUpload", name=name)
            made = self.cartage.call(*write, **chunk)
            again = self.cartage.call(*write, **chunk)
            assert again == made and int(made["committed_size"]) == start + len(piece), again
            chunks += 1
        ready = self.cartage.call("UploadService", "FinalizeUpload", name=name)
        assert ready["state"] == "READY" and len(ready["blake3"]) == 64, ready
        assert ready["files"] == [{"path": file_name, "size_bytes": str(len(data))}], ready
        return name, chunks

    def connect(self, uploads):
        connections = {
            self.source: {"shopify_csv": {
                "upload": uploads[0], "additional_uploads": uploads[1:],
                "time_zone": "Europe/Berlin", "default_currency_code": "EUR",
            }},
            self.target: {
                "medusa": {"base_url": self.settings["url"]},
                "credentials": {"api_key": self.settings["key"]},
            },
        }
        for name, connection in connections.items():
            made = self.cartage.call(
                "ConnectionService", "CreateConnection", parent=self.account,
                connection_id=name.rsplit("/", 1)[1], connection=connection,
            )
            assert made["name"] == name and "credentials" not in made, made
            self.verify_connection(name)

    def verify_connection(self, name):
        self.cartage.call("ConnectionService", "VerifyConnection", name=name)
        found = self.cartage.ended("ConnectionService", "GetConnection", name)
        assert found["state"] == "ACTIVE", found
        results = {check["result"] for check in found["verification"]["checks"]}
        assert "RESULT_PASSED" in results and "RESULT_FAILED" not in results, found

    def begin(self):
        """A call that is sent twice with one request id is done once."""
        asked = {
            "parent": self.account, "request_id": str(uuid.uuid4()),
            "migration": {"source_connection": self.source, "target_connection": self.target},
        }
        create = "MigrationService", "CreateMigration"
        self.migration = self.cartage.call(*create, **asked)["name"]
        assert self.cartage.call(*create, **asked)["name"] == self.migration
        asked["migration"]["display_name"] = "another"
        self.cartage.refused("REQUEST_ID_REUSED", *create, **asked)

    # The way to the plan

    def snapshot(self, connection):
        taken = self.cartage.call("SnapshotService", "CreateSnapshot", parent=connection)["name"]
        *_, last = self.cartage.stream("SnapshotService", "WatchSnapshot", name=taken)
        assert last["end_of_stream"]["reason"] == "REASON_RESOURCE_TERMINAL", last
        taken = self.cartage.call("SnapshotService", "GetSnapshot", name=taken)
        assert taken["state"] == "SUCCEEDED", taken
        test = self.cartage.call("SnapshotService", "CreateRestoreTest", parent=taken["name"])
        test = self.cartage.ended("SnapshotService", "GetRestoreTest", test["name"])
        assert test["verdict"] == "VERDICT_PASSED", test
        return taken

    def audit(self, snapshot):
        audit = self.cartage.call(
            "AuditService", "CreateAudit", parent=self.migration, audit={"snapshot": snapshot})
        findings, ends = [], None
        for message in self.cartage.stream("AuditService", "WatchAudit", name=audit["name"]):
            if finding := message.get("finding"):
                findings.append(finding)
                assert finding["sequence"] == message["position"]["sequence"], message
            ends = message.get("end_of_stream")
        assert ends["reason"] == "REASON_RESOURCE_TERMINAL", ends
        assert [int(it["sequence"]) for it in findings] == list(range(1, len(findings) + 1))
        audit = self.cartage.call("AuditService", "GetAudit", name=audit["name"])
        assert audit["state"] == "SUCCEEDED" and int(audit["finding_count"]) == len(findings)
        by_rule = Counter(it["rule"] for it in findings)
        assert by_rule == {it["rule"]: int(it["count"]) for it in audit["finding_counts"]}
        listed, _ = self.cartage.pages(
            "AuditService", "ListFindings", "findings", page_size=100, parent=audit["name"])
        assert listed == findings, "what is streamed is what is kept"
        return len(findings)

    def mapping(self, snapshot):
        """The default mapping, and a rule that leaves out test accounts."""
        service, parent = "MappingService", self.migration
        mapping = self.cartage.call(service, "CreateMapping", parent=parent, mapping={})
        content, published = mapping["content"], mapping["content"]["rules"]
        wrong = published[0] | {"target_field": "no_such_field"}
        judged = self.cartage.call(
            service, "ValidateMapping", parent=parent, content={"rules": published + [wrong]})
        assert not judged.get("valid") and judged["issues"][0]["severity"] == "SEVERITY_ERROR"
        assert judged["issues"][0]["field"].startswith(f"rules[{len(published)}]"), judged
        content["exclusions"] = [{
            "kind": "RECORD_KIND_CUSTOMER", "name": "test_account",
            "predicate": f'includes(array!(.tags), "{EXCLUDED_TAG}")',
        }]
        update = {"mapping": mapping, "update_mask": "content"}
        mapping = self.cartage.call(service, "UpdateMapping", **update)
        self.cartage.refused("ETAG_MISMATCH", service, "UpdateMapping", **update)
        judged = self.cartage.call(
            service, "ValidateMapping", parent=parent, mapping=mapping["name"])
        assert judged["valid"], judged
        for kind, ids in self.export.ids().items():
            shown = self.cartage.call(
                service, "PreviewMapping", parent=parent, mapping=mapping["name"],
                snapshot=snapshot, kind=f"RECORD_KIND_{kind}", page_size=5,
            )["rows"]
            assert shown and all(row["source_id"] in ids for row in shown), shown
            assert all("target" in row for row in shown if row["outcome"] in ARRIVED), shown
        shown = self.cartage.call(
            service, "PreviewMapping", parent=parent, mapping=mapping["name"], snapshot=snapshot,
            kind="RECORD_KIND_CUSTOMER", source_ids=sorted(self.export.test_accounts),
        )["rows"]
        assert {row["source_id"] for row in shown} == self.export.test_accounts, shown
        assert all(row["excluded_by"] == "test_account" for row in shown), shown
        return self.cartage.call(
            service, "PublishMapping", name=mapping["name"], etag=mapping["etag"])["name"]

    def rehearse(self, snapshot, revision):
        """A few records of each kind into a shop of the server's own."""
        sandbox = self.cartage.call(
            "ConnectionService", "CreateConnection", parent=self.account,
            connection={"sandbox": {"platform": "platforms/medusa"}},
        )["name"]
        self.verify_connection(sandbox)
        few = [{"kind": f"RECORD_KIND_{kind}", "max_records": 5} for kind in self.export.ids()]
        run = self.cartage.call("RunService", "CreateRun", parent=self.migration, run={
            "kind": "RUN_KIND_TEST", "snapshot": snapshot, "mapping_revision": revision,
            "target_connection": sandbox, "scope": {"filters": few},
        })
        run = self.cartage.call("RunService", "StartRun", name=run["name"], etag=run["etag"])
        *_, last = self.cartage.stream("RunService", "WatchRun", name=run["name"])
        assert last["end_of_stream"]["reason"] == "REASON_RESOURCE_TERMINAL", last
        run = self.cartage.call("RunService", "GetRun", name=run["name"])
        assert run["state"] == "SUCCEEDED" and not int(run["accounting"].get("unaccounted", 0))
        assert int(run["accounting"]["total"]) == sum(
            min(5, len(ids)) for ids in self.export.ids().values()), run["accounting"]
        self.verified(run["name"])

    def plan(self, snapshot, revision):
        """What is lost must be accepted, and nobody approves a plan of their own."""
        service = "PlanService"
        plan = self.cartage.call(
            service, "CreatePlan", parent=self.migration,
            plan={"snapshot": snapshot, "mapping_revision": revision},
        )
        hand_in = {"name": plan["name"], "etag": plan["etag"]}
        refusal = self.cartage.refused("PRECONDITIONS_UNMET", service, "SubmitPlan", **hand_in)
        assert [it["type"] for it in refusal.violations] == ["LOSSES_UNACKNOWLEDGED"]
        losses = [it["loss"]["id"] for it in plan["losses"]]
        plan = self.cartage.call(service, "SubmitPlan", acknowledged_loss_ids=losses, **hand_in)
        approve = {"name": plan["name"], "etag": plan["etag"]}
        self.cartage.refused("SELF_APPROVAL_FORBIDDEN", service, "ApprovePlan", **approve)
        plan = self.approver.call(service, "ApprovePlan", **approve)
        assert plan["state"] == "APPROVED", plan
        assert plan["approvals"][0]["approver"] != plan["submitter"], plan
        return plan["name"]

    # The live run, and what became of it

    def live(self, plan, before):
        run = self.cartage.call("RunService", "CreateRun", parent=self.migration, run={
            "kind": "RUN_KIND_LIVE", "plan": plan, "target_snapshot": before})
        ready = {"preflight": {"state": "RUNNING"}}
        while ready["preflight"]["state"] == "RUNNING":
            ready = self.cartage.call(
                "RunService", "CheckRunReadiness", parent=self.migration, run_name=run["name"])
        assert ready.get("ready"), ready
        watch = self.cartage.stream("RunService", "WatchRun", name=run["name"])
        first = next(watch)
        assert first["run"]["state"] == "DRAFT", first
        self.cartage.call("RunService", "StartRun", name=run["name"], etag=run["etag"])
        self.watched(run["name"], int(first["position"]["sequence"]), watch)
        run = self.cartage.call("RunService", "GetRun", name=run["name"])
        assert run["state"] == "SUCCEEDED", run
        return run

    def watched(self, run, opened, watch):
        """Watches to the end, with a cut in the middle of the work: nothing is missed or repeated."""
        sequences = []

        def read(stream):
            for message in stream:
                position = message["position"]
                if event := message.get("event"):
                    assert event["sequence"] == position["sequence"], message
                    sequences.append(int(event["sequence"]))
                yield position["resume_token"], event, message.get("end_of_stream")

        for token, event, ended in read(watch):
            assert not ended, "the cut comes first"
            if event and event["type"] == "run.kind_completed":
                break
        self.cartage.cut()
        # Something is missed at all only when something happens meanwhile.
        until(lambda: [it for it in self.events(run) if it > sequences[-1]])
        again = {"name": run, "resume_token": token}
        *_, (_, _, ended) = read(self.cartage.stream("RunService", "WatchRun", **again))
        assert ended["reason"] == "REASON_RESOURCE_TERMINAL", ended
        assert sequences == [it for it in self.events(run) if it > opened], sequences
        # The token is of this watch and no other.
        self.cartage.refused_stream(
            "RESUME_TOKEN_INVALID", "EventService", "WatchEvents",
            parent=self.migration, resume_token=token)

    def events(self, resource):
        """The sequences of what happened to a resource so far."""
        events, _ = self.cartage.pages(
            "EventService", "ListEvents", "events", page_size=10, parent=self.migration)
        return [int(it["sequence"]) for it in events if it["resource"] == resource]

    def ledger(self, run):
        """Every record of the files has exactly one line, and no line is of another one."""
        records, pages = self.cartage.pages(
            "RunService", "ListRunRecords", "run_records", parent=run["name"])
        assert pages == -(-len(records) // 50), (pages, len(records))
        lines, outcomes = defaultdict(dict), defaultdict(Counter)
        for record in records:
            kind = record["kind"].removeprefix("RECORD_KIND_")
            assert record["source_id"] not in lines[kind], record
            lines[kind][record["source_id"]] = record
            outcomes[kind][record["outcome"].removeprefix("OUTCOME_").lower()] += 1
        wanted = self.export.ids()
        assert {kind: set(of) for kind, of in lines.items()} == wanted, {
            kind: set(lines[kind]) ^ ids for kind, ids in wanted.items()}
        for kind in run["accounting"]["kinds"]:
            name = kind["kind"].removeprefix("RECORD_KIND_")
            counted = {outcome: int(count) for outcome, count in kind["outcomes"].items()}
            assert counted == outcomes[name] and int(kind["total"]) == len(wanted[name]), kind
            assert not int(kind.get("unaccounted", 0)), kind
        assert len(run["accounting"]["kinds"]) == len(wanted), run["accounting"]
        excluded = {
            key for key, it in lines["CUSTOMER"].items() if it["outcome"] == "OUTCOME_EXCLUDED"}
        assert excluded == self.export.test_accounts, excluded
        return lines, outcomes

    def links(self, run, lines):
        """Each record that arrived has an object of its own in the target, and what was merged has
        that of the record it was merged into."""
        links, pages = self.cartage.pages(
            "RunService", "ListRecordLinks", "record_links", parent=run["name"])
        assert pages == -(-len(links) // 50) and pages > 1, (pages, len(links))
        whole = defaultdict(dict)
        for link in links:
            assert link["target_connection"] == self.target, link
            kind = link["kind"].removeprefix("RECORD_KIND_")
            if link["role"] == kind.lower():
                assert link["source_id"] not in whole[kind], link
                whole[kind][link["source_id"]] = link["target_id"]
        arrived = {}
        for kind, of_kind in lines.items():
            into = {
                key: it["merged_into"] for key, it in of_kind.items()
                if it["outcome"] == "OUTCOME_MERGED"
            }
            own = {key for key, it in of_kind.items() if it["outcome"] in ARRIVED}
            linked = whole[kind]
            assert set(linked) == own | set(into), (kind, set(linked) ^ own ^ set(into))
            assert all(linked[key] == linked[other] for key, other in into.items()), into
            assert len(set(linked.values())) == len(own), kind
            arrived[kind] = len(own)
        return arrived

    def verified(self, run):
        report = self.cartage.call(
            "VerificationService", "CreateVerificationReport", parent=run)["name"]
        report = self.cartage.ended("VerificationService", "GetVerificationReport", report)
        assert report["state"] == "SUCCEEDED" and report.get("passed"), report
        for kind in report["comparisons"]:
            wrong = "different", "missing", "unexpected", "fields_different"
            assert not any(int(kind.get(field, 0)) for field in wrong), kind
        return report

    def report(self, run, lines, arrived):
        """Money and stock that were read back are those of the files."""
        report = self.verified(run["name"])
        compared = {
            it["kind"].removeprefix("RECORD_KIND_"): int(it.get("compared", 0))
            for it in report["comparisons"]
        }
        assert compared == arrived, (compared, arrived)
        there = {
            kind: [key for key, it in lines[kind].items() if it["outcome"] in ARRIVED]
            for kind in ("PRODUCT", "ORDER")
        }
        money = {
            (it["month"], it["currency_code"]): (
                int(it["target_order_count"]), *(Decimal(it[of]["target_amount"]) for of in SUMS))
            for it in report["money"] if it.get("target_order_count")
        }
        assert money == self.export.money(there["ORDER"]), money
        assert not any(Decimal(it[of]["difference"]) for it in report["money"] for of in SUMS)
        units = sum(Decimal(it["target_units"]) for it in report["stock"])
        assert units == self.export.stock(there["PRODUCT"]) and units, report["stock"]
        assert not any(Decimal(it["difference"]) for it in report["stock"]), report["stock"]
        pieces, size = b"", None
        for piece in self.cartage.stream(
            "VerificationService", "ExportVerificationReport",
            name=report["name"], format="FORMAT_JSON",
        ):
            assert int(piece.get("offset", 0)) == len(pieces), piece
            pieces += base64.b64decode(piece.get("data", ""))
            size = size or int(piece["total_bytes"])
        assert piece["last"] and len(pieces) == size and json.loads(pieces), size
        return {"months": len(money), "units": str(units)}

    def walk(self):
        self.refusals()
        uploads = [self.upload(name, data) for name, data in self.export.files.items()]
        self.connect([name for name, _ in uploads])
        self.begin()
        old = self.snapshot(self.source)
        counted = {
            it["kind"].removeprefix("RECORD_KIND_"): int(it["count"])
            for it in old["record_counts"] if int(it.get("count", 0))
        }
        assert counted == {kind: len(ids) for kind, ids in self.export.ids().items()}, counted
        findings = self.audit(old["name"])
        revision = self.mapping(old["name"])
        self.rehearse(old["name"], revision)
        plan = self.plan(old["name"], revision)
        run = self.live(plan, self.snapshot(self.target)["name"])
        lines, outcomes = self.ledger(run)
        arrived = self.links(run, lines)
        report = self.report(run, lines, arrived)
        migration = self.cartage.call("MigrationService", "GetMigration", name=self.migration)
        self.cartage.call(
            "MigrationService", "CompleteMigration", name=self.migration, etag=migration["etag"])
        return {
            "chunks": [chunks for _, chunks in uploads],
            "findings": findings,
            "outcomes": sum(outcomes.values(), Counter()),
            "arrived": arrived,
            **report,
        }


if __name__ == "__main__":
    print(json.dumps(Walk(json.loads(sys.argv[1])).walk()))
