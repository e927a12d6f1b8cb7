"""A client of Cartage that knows nothing but the address: every type comes by reflection."""

import time
import uuid

import grpc
from google.protobuf import any_pb2, descriptor_pb2, json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

# Every call has a deadline, which goes to the service as `grpc-timeout`.
CALL_S = 30
PATIENCE_S = 100
GOING = {"PENDING", "RUNNING", "VERIFYING", "PAUSING", "CANCELLING"}


class Refused(Exception):
    """A call that was refused: its code, and what the details say to programs."""

    def __init__(self, error):
        super().__init__(f"{error.code()}: {error.details()}")
        self.code = error.code()
        self.info, self.violations = {}, []
        trailers = dict(error.trailing_metadata() or ())
        status = STATUS["Status"].FromString(trailers.get("grpc-status-details-bin", b""))
        for detail in status.details:
            name = detail.TypeName().removeprefix("google.rpc.")
            if name in STATUS:
                said = json_format.MessageToDict(STATUS[name].FromString(detail.value))
                self.violations += said.get("violations", []) + said.get("fieldViolations", [])
                self.info = said if name == "ErrorInfo" else self.info
        self.reason = self.info.get("reason")


def status_messages():
    """The messages of a rich error, which are gRPC's own and not the service's."""
    file = descriptor_pb2.FileDescriptorProto(
        name="status.proto", package="google.rpc", syntax="proto3",
        dependency=["google/protobuf/any.proto"],
    )
    kinds = descriptor_pb2.FieldDescriptorProto

    def message(within, name, **fields):
        made = within.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            made.field.add(
                name=field, number=number,
                label=kinds.LABEL_REPEATED if kind.startswith("*") else kinds.LABEL_OPTIONAL,
                type={"text": kinds.TYPE_STRING, "number": kinds.TYPE_INT32}.get(
                    kind, kinds.TYPE_MESSAGE),
                type_name=kind[1:] if kind.startswith("*") else None,
            )
        return made

    within = file.message_type
    message(within, "Status", code="number", message="text", details="*.google.protobuf.Any")
    info = message(
        within, "ErrorInfo",
        reason="text", domain="text", metadata="*.google.rpc.ErrorInfo.MetadataEntry",
    )
    message(info.nested_type, "MetadataEntry", key="text", value="text").options.map_entry = True
    message(within, "FieldViolation", field="text", description="text", reason="text")
    message(within, "BadRequest", field_violations="*.google.rpc.FieldViolation")
    message(within, "Violation", type="text", subject="text", description="text")
    message(within, "PreconditionFailure", violations="*.google.rpc.Violation")
    pool = DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    names = "Status", "ErrorInfo", "BadRequest", "PreconditionFailure"
    found = {name: pool.FindMessageTypeByName(f"google.rpc.{name}") for name in names}
    return {name: GetMessageClass(descriptor) for name, descriptor in found.items()}


STATUS = status_messages()


class Cartage:
    """Calls methods by name, with requests and answers as dictionaries."""

    def __init__(self, address, token):
        self.address = address
        self.channel = grpc.insecure_channel(address)
        self.metadata = [("authorization", f"Bearer {token}")]
        # Types are asked for when they are needed first, which may be after a cut.
        reflection = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(address))
        self.pool = DescriptorPool(reflection)

    def _method(self, service, method, fields):
        found = self.pool.FindServiceByName(f"cartage.v1.{service}").methods_by_name[method]
        asked, answer = GetMessageClass(found.input_type), GetMessageClass(found.output_type)
        if "request_id" in asked.DESCRIPTOR.fields_by_name:
            fields.setdefault("request_id", str(uuid.uuid4()))
        kind = "unary_stream" if found.server_streaming else "unary_unary"
        path = f"/cartage.v1.{service}/{method}"
        bound = getattr(self.channel, kind)(path, asked.SerializeToString, answer.FromString)
        return bound, json_format.ParseDict(fields, asked())

    def call(self, service, method, /, **fields):
        bound, request = self._method(service, method, fields)
        try:
            response = bound(request, metadata=self.metadata, timeout=CALL_S)
        except grpc.RpcError as error:
            raise Refused(error) from None
        return json_format.MessageToDict(response, preserving_proto_field_name=True)

    def stream(self, service, method, /, **fields):
        bound, request = self._method(service, method, fields)
        try:
            for message in bound(request, metadata=self.metadata, timeout=PATIENCE_S):
                yield json_format.MessageToDict(message, preserving_proto_field_name=True)
        except grpc.RpcError as error:
            raise Refused(error) from None

    def cut(self):
        """Drops the connection with everything on it, as a broken network would, and dials anew."""
        self.channel.close()
        self.channel = grpc.insecure_channel(self.address)

    def pages(self, service, method, items, /, page_size=50, **fields):
        """All items of a list, page by page, and how many pages there were."""
        found, pages, token = [], 0, ""
        while token or not pages:
            page = self.call(service, method, page_size=page_size, page_token=token, **fields)
            assert len(page.get(items, [])) <= page_size, (method, len(page[items]))
            found += page.get(items, [])
            pages, token = pages + 1, page.get("next_page_token", "")
        return found, pages

    def refused(self, reason, service, method, /, **fields):
        """A call that must be refused for this reason; gives what else was said."""
        try:
            answer = self.call(service, method, **fields)
        except Refused as refusal:
            assert refusal.reason == reason, (method, refusal, refusal.info)
            assert refusal.info["domain"] == "api.cartage", refusal.info
            return refusal
        raise AssertionError(f"{method} was not refused with {reason}: {answer}")

    def refused_stream(self, reason, service, method, /, **fields):
        """The same of a stream, which is refused at its first message."""
        try:
            message = next(self.stream(service, method, **fields))
        except Refused as refusal:
            assert refusal.reason == reason, (method, refusal, refusal.info)
            return refusal
        raise AssertionError(f"{method} was not refused with {reason}: {message}")

    def ended(self, service, method, name):
        """The resource, once it does not move by itself any more."""
        def at_rest():
            found = self.call(service, method, name=name)
            return found if found["state"] not in GOING else None

        return until(at_rest)


def until(found):
    """Asks until there is an answer."""
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise TimeoutError(found)
