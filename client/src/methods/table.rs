//! The table of the unary methods: which request goes where and what comes back.

use cartage_proto::v1;

use super::Unary;
use crate::Client;

macro_rules! reads {
    ($($service:ident.$method:ident($request:ident) -> $response:ty;)*) => {
        $(impl Unary for v1::$request {
            type Response = $response;
            const METHOD: &'static str = stringify!($method);

            fn request_id(&mut self) -> Option<&mut String> {
                None
            }

            async fn send(self, client: &Client) -> Result<$response, tonic::Status> {
                let request = client.timed(self);
                Ok(client.$service().$method(request).await?.into_inner())
            }
        })*
    };
}

macro_rules! writes {
    ($($service:ident.$method:ident($request:ident) -> $response:ty;)*) => {
        $(impl Unary for v1::$request {
            type Response = $response;
            const METHOD: &'static str = stringify!($method);

            fn request_id(&mut self) -> Option<&mut String> {
                Some(&mut self.request_id)
            }

            async fn send(self, client: &Client) -> Result<$response, tonic::Status> {
                let request = client.timed(self);
                Ok(client.$service().$method(request).await?.into_inner())
            }
        })*
    };
}

reads! {
    audits.get_audit(GetAuditRequest) -> v1::Audit;
    audits.list_audits(ListAuditsRequest) -> v1::ListAuditsResponse;
    audits.list_findings(ListFindingsRequest) -> v1::ListFindingsResponse;
    audits.get_finding(GetFindingRequest) -> v1::Finding;
    audits.list_audit_rules(ListAuditRulesRequest) -> v1::ListAuditRulesResponse;
    connections.get_connection(GetConnectionRequest) -> v1::Connection;
    connections.list_connections(ListConnectionsRequest) -> v1::ListConnectionsResponse;
    events.list_events(ListEventsRequest) -> v1::ListEventsResponse;
    events.get_event(GetEventRequest) -> v1::Event;
    mappings.get_mapping(GetMappingRequest) -> v1::Mapping;
    mappings.list_mappings(ListMappingsRequest) -> v1::ListMappingsResponse;
    mappings.list_mapping_revisions(ListMappingRevisionsRequest) -> v1::ListMappingRevisionsResponse;
    mappings.get_mapping_revision(GetMappingRevisionRequest) -> v1::MappingRevision;
    mappings.validate_mapping(ValidateMappingRequest) -> v1::ValidateMappingResponse;
    mappings.preview_mapping(PreviewMappingRequest) -> v1::PreviewMappingResponse;
    migrations.get_migration(GetMigrationRequest) -> v1::Migration;
    migrations.list_migrations(ListMigrationsRequest) -> v1::ListMigrationsResponse;
    plans.get_plan(GetPlanRequest) -> v1::Plan;
    plans.list_plans(ListPlansRequest) -> v1::ListPlansResponse;
    platforms.get_platform(GetPlatformRequest) -> v1::Platform;
    platforms.list_platforms(ListPlatformsRequest) -> v1::ListPlatformsResponse;
    platforms.list_platform_fields(ListPlatformFieldsRequest) -> v1::ListPlatformFieldsResponse;
    runs.check_run_readiness(CheckRunReadinessRequest) -> v1::CheckRunReadinessResponse;
    runs.get_run(GetRunRequest) -> v1::Run;
    runs.list_runs(ListRunsRequest) -> v1::ListRunsResponse;
    runs.list_run_records(ListRunRecordsRequest) -> v1::ListRunRecordsResponse;
    runs.list_record_conflicts(ListRecordConflictsRequest) -> v1::ListRecordConflictsResponse;
    runs.get_run_record(GetRunRecordRequest) -> v1::RunRecord;
    runs.list_record_links(ListRecordLinksRequest) -> v1::ListRecordLinksResponse;
    runs.find_record(FindRecordRequest) -> v1::FindRecordResponse;
    runs.list_run_losses(ListRunLossesRequest) -> v1::ListRunLossesResponse;
    snapshots.get_snapshot(GetSnapshotRequest) -> v1::Snapshot;
    snapshots.list_snapshots(ListSnapshotsRequest) -> v1::ListSnapshotsResponse;
    snapshots.list_snapshot_records(ListSnapshotRecordsRequest) -> v1::ListSnapshotRecordsResponse;
    snapshots.get_restore_test(GetRestoreTestRequest) -> v1::RestoreTest;
    snapshots.list_restore_tests(ListRestoreTestsRequest) -> v1::ListRestoreTestsResponse;
    uploads.get_upload(GetUploadRequest) -> v1::Upload;
    uploads.list_uploads(ListUploadsRequest) -> v1::ListUploadsResponse;
    uploads.write_upload_chunk(WriteUploadChunkRequest) -> v1::WriteUploadChunkResponse;
    verifications.get_verification_report(GetVerificationReportRequest) -> v1::VerificationReport;
    verifications.list_verification_reports(ListVerificationReportsRequest) -> v1::ListVerificationReportsResponse;
    verifications.list_discrepancies(ListDiscrepanciesRequest) -> v1::ListDiscrepanciesResponse;
}

writes! {
    audits.create_audit(CreateAuditRequest) -> v1::Audit;
    audits.cancel_audit(CancelAuditRequest) -> v1::Audit;
    audits.delete_audit(DeleteAuditRequest) -> ();
    connections.create_connection(CreateConnectionRequest) -> v1::Connection;
    connections.update_connection(UpdateConnectionRequest) -> v1::Connection;
    connections.delete_connection(DeleteConnectionRequest) -> ();
    connections.verify_connection(VerifyConnectionRequest) -> v1::Connection;
    mappings.create_mapping(CreateMappingRequest) -> v1::Mapping;
    mappings.update_mapping(UpdateMappingRequest) -> v1::Mapping;
    mappings.delete_mapping(DeleteMappingRequest) -> ();
    mappings.publish_mapping(PublishMappingRequest) -> v1::MappingRevision;
    migrations.create_migration(CreateMigrationRequest) -> v1::Migration;
    migrations.update_migration(UpdateMigrationRequest) -> v1::Migration;
    migrations.delete_migration(DeleteMigrationRequest) -> v1::Migration;
    migrations.cancel_migration(CancelMigrationRequest) -> v1::Migration;
    migrations.complete_migration(CompleteMigrationRequest) -> v1::Migration;
    plans.create_plan(CreatePlanRequest) -> v1::Plan;
    plans.submit_plan(SubmitPlanRequest) -> v1::Plan;
    plans.approve_plan(ApprovePlanRequest) -> v1::Plan;
    runs.create_run(CreateRunRequest) -> v1::Run;
    runs.start_run(StartRunRequest) -> v1::Run;
    runs.schedule_run(ScheduleRunRequest) -> v1::Run;
    runs.unschedule_run(UnscheduleRunRequest) -> v1::Run;
    runs.pause_run(PauseRunRequest) -> v1::Run;
    runs.resume_run(ResumeRunRequest) -> v1::Run;
    runs.retry_run(RetryRunRequest) -> v1::Run;
    runs.resolve_run_record(ResolveRunRecordRequest) -> v1::RunRecord;
    runs.resolve_record_conflicts(ResolveRecordConflictsRequest) -> v1::ResolveRecordConflictsResponse;
    runs.accept_run(AcceptRunRequest) -> v1::Run;
    runs.import_record_links(ImportRecordLinksRequest) -> v1::ImportRecordLinksResponse;
    runs.cancel_run(CancelRunRequest) -> v1::Run;
    snapshots.create_snapshot(CreateSnapshotRequest) -> v1::Snapshot;
    snapshots.delete_snapshot(DeleteSnapshotRequest) -> ();
    snapshots.cancel_snapshot(CancelSnapshotRequest) -> v1::Snapshot;
    snapshots.create_restore_test(CreateRestoreTestRequest) -> v1::RestoreTest;
    uploads.create_upload(CreateUploadRequest) -> v1::Upload;
    uploads.finalize_upload(FinalizeUploadRequest) -> v1::Upload;
    uploads.delete_upload(DeleteUploadRequest) -> ();
    verifications.create_verification_report(CreateVerificationReportRequest) -> v1::VerificationReport;
}
