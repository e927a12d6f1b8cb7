//! The messages that have a JSON form, by name.

use cartage_proto::v1;

use super::Document;

macro_rules! documents {
    ($($message:ident)*) => {
        $(impl Document for v1::$message {
            const NAME: &'static str = stringify!($message);
        })*

        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[$(stringify!($message)),*];
    };
}

documents! {
    Audit FindingCount Finding AuditRule CreateAuditRequest GetAuditRequest ListAuditsRequest
    ListAuditsResponse CancelAuditRequest DeleteAuditRequest ListFindingsRequest
    ListFindingsResponse GetFindingRequest ListAuditRulesRequest ListAuditRulesResponse
    WatchAuditRequest WatchAuditResponse Money Failure KindCount OutcomeCounts EffectCounts
    KindProgress Accounting KindAccounting Scope KindFilter Loss LossCount FieldChange
    Connection ShopifyCsvConfig MedusaConfig SandboxConfig Credentials ConnectionVerification
    ConnectionCheck SideEffect CreateConnectionRequest GetConnectionRequest
    ListConnectionsRequest ListConnectionsResponse UpdateConnectionRequest
    DeleteConnectionRequest VerifyConnectionRequest Event StateChange WatchEventsRequest
    WatchEventsResponse ListEventsRequest ListEventsResponse GetEventRequest Mapping
    MappingContent FieldRule ValueMap RecordFilter MappingRevision MappingIssue PreviewRow
    CreateMappingRequest GetMappingRequest ListMappingsRequest ListMappingsResponse
    UpdateMappingRequest DeleteMappingRequest ListMappingRevisionsRequest
    ListMappingRevisionsResponse GetMappingRevisionRequest ValidateMappingRequest
    ValidateMappingResponse PreviewMappingRequest PreviewMappingResponse PublishMappingRequest
    Migration CreateMigrationRequest GetMigrationRequest ListMigrationsRequest
    ListMigrationsResponse UpdateMigrationRequest DeleteMigrationRequest CancelMigrationRequest
    CompleteMigrationRequest Plan Approval CreatePlanRequest GetPlanRequest ListPlansRequest
    ListPlansResponse SubmitPlanRequest ApprovePlanRequest
    Platform PlatformKind PlatformKey PlatformLimit GetPlatformRequest ListPlatformsRequest
    ListPlatformsResponse PlatformField ListPlatformFieldsRequest ListPlatformFieldsResponse Run WorkerInfo RunRecord TargetObject RecordLink
    ReadinessItem Preflight PreflightKind PreflightIssue CheckRunReadinessRequest
    CheckRunReadinessResponse CreateRunRequest GetRunRequest ListRunsRequest ListRunsResponse
    StartRunRequest RunSchedule RunWindow ScheduleRunRequest UnscheduleRunRequest PauseRunRequest ResumeRunRequest RetryRunRequest ResolveRunRecordRequest
    AcceptRunRequest RunAcceptance CancelRunRequest WatchRunRequest
    WatchRunResponse ListRunRecordsRequest ListRunRecordsResponse GetRunRecordRequest
    ConflictPolicy MatchRule RecordConflict ListRecordConflictsRequest ListRecordConflictsResponse
    ResolveRecordConflictsRequest ResolveRecordConflictsResponse
    ListRecordLinksRequest ListRecordLinksResponse ListRunLossesRequest ListRunLossesResponse
    FindRecordRequest FindRecordResponse FoundRecord ExportRecordLinksRequest
    ExportRecordLinksResponse ImportRecordLinksRequest ImportedRecordLink
    ImportRecordLinksResponse RefusedRecordLink
    Snapshot ShopScope SnapshotRecord RestoreTest CreateSnapshotRequest GetSnapshotRequest
    ListSnapshotsRequest ListSnapshotsResponse DeleteSnapshotRequest CancelSnapshotRequest
    WatchSnapshotRequest WatchSnapshotResponse ListSnapshotRecordsRequest
    ListSnapshotRecordsResponse CreateRestoreTestRequest GetRestoreTestRequest
    ListRestoreTestsRequest ListRestoreTestsResponse StreamPosition Heartbeat Synced Progress
    EndOfStream Upload UploadedFile CreateUploadRequest GetUploadRequest ListUploadsRequest
    ListUploadsResponse WriteUploadChunkRequest WriteUploadChunkResponse FinalizeUploadRequest
    DeleteUploadRequest VerificationReport KindComparison MoneyReconciliation AmountComparison
    StockReconciliation Discrepancy CreateVerificationReportRequest GetVerificationReportRequest
    ListVerificationReportsRequest ListVerificationReportsResponse ListDiscrepanciesRequest
    ListDiscrepanciesResponse ExportVerificationReportRequest ExportVerificationReportResponse
}
