"""A client of Cartage that knows nothing but the address: every type comes by reflection."""

import time
import uuid

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

# Every call has a deadline, which goes to the service as `grpc-timeout`.
CALL_S = 30
PATIENCE_S = 280
GOING = {"PENDING", "RUNNING", "VERIFYING", "PAUSING", "CANCELLING"}


class Refused(Exception):
    """A call that was refused: its code, and what the details say to programs."""

    def __init__(self, error, message):
        super().__init__(f"{error.code()}: {error.details()}")
        self.code = error.code()
        self.info, self.violations = {}, []
        trailers = dict(error.trailing_metadata() or ())
        status = message("google.rpc.Status")
        for detail in status.FromString(trailers.get("grpc-status-details-bin", b"")).details:
            said = json_format.MessageToDict(message(detail.TypeName()).FromString(detail.value))
            self.violations += said.get("violations", []) + said.get("fieldViolations", [])
            self.info = said if detail.TypeName() == "google.rpc.ErrorInfo" else self.info
        self.reason = self.info.get("reason")


class Cartage:
    """Calls methods by name, with requests and answers as dictionaries."""

    def __init__(self, address, token):
        self.address = address
        self.channel = grpc.insecure_channel(address)
        self.metadata = [("authorization", f"Bearer {token}")]
        # Types are asked for when they are needed first, which may be after a cut.
        reflection = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(address))
        self.pool = DescriptorPool(reflection)

    def _message(self, name):
        return GetMessageClass(self.pool.FindMessageTypeByName(name))

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
            raise Refused(error, self._message) from None
        return json_format.MessageToDict(response, preserving_proto_field_name=True)

    def stream(self, service, method, /, **fields):
        bound, request = self._method(service, method, fields)
        try:
            for message in bound(request, metadata=self.metadata, timeout=PATIENCE_S):
                yield json_format.MessageToDict(message, preserving_proto_field_name=True)
        except grpc.RpcError as error:
            raise Refused(error, self._message) from None

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
